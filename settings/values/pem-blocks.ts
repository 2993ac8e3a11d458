/**
 * The blocks of a PEM text; see RFC 7468. Text around blocks, carriage returns and indentation are let pass, as OpenSSL
 * does: who needs a file for a stricter reader writes it anew from what was read.
 */
import { withoutByteOrderMark } from "../../lib/text/encoding.ts";

/** `body` is base64 without white space, or whatever stood there. */
export type PemBlock = { label: string; body: string };

export type PemReading = { ok: true; blocks: PemBlock[] } | { ok: false; flaw: string };

const boundary = /^-----(BEGIN|END) ([^-]*)-----$/;

/** A flaw is a clause about the text, without subject: "block 2 has no end". */
export function readPem(bytes: Uint8Array): PemReading {
  if (bytes[0] === 0x30) return { ok: false, flaw: "it is binary, DER or PKCS #12, and not PEM" };
  const text = withoutByteOrderMark(Buffer.from(bytes).toString("utf8"));
  if (text.includes("\0")) return { ok: false, flaw: "it holds NUL characters, as UTF-16 has" };
  // What "-----BEGIN" becomes.
  if (text.startsWith("LS0tLS1CRUdJTi")) return { ok: false, flaw: "it is base64 of base64" };
  const blocks: PemBlock[] = [];
  let open: { label: string; lines: string[] } | undefined;
  for (const line of text.split(/\r\n|\r|\n/)) {
    const [, kind, label = ""] = boundary.exec(line.trim()) ?? [];
    const place = `block ${blocks.length + 1}`;
    if (kind === "BEGIN") {
      if (open !== undefined) return { ok: false, flaw: `${place} has no end` };
      open = { label, lines: [] };
    } else if (kind === "END") {
      if (open?.label !== label) return { ok: false, flaw: `${place} ends as ${label} and does not begin so` };
      blocks.push({ label, body: open.lines.join("") });
      open = undefined;
    } else open?.lines.push(line.trim());
  }
  return open === undefined ? { ok: true, blocks } : { ok: false, flaw: `block ${blocks.length + 1} has no end` };
}

/** A block as every reader takes it: lines of 64 characters. */
export function pemOf(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}
