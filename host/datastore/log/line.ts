/**
 * A line of a datastore file: `<hash> <json>\n`, where the hash covers the line before it too.
 *
 * The hash is SHA-256, in lower case hexadecimal, of the hash of the line before (64 characters; none for the first
 * line of a file) directly followed by the JSON text. This framing is the same in every format version: it is how an
 * older image learns that a file is newer than itself.
 */
import { createHash } from "node:crypto";

/** The hash that the first transaction of a store follows. */
export const genesisHash = "0".repeat(64);

/** `end` is the offset behind its newline. */
export type Line = { hash: string; body: string; end: number };

const hashLength = 64;
const newline = 0x0a;
const space = 0x20;

export function hashOf(previous: string, body: string | Uint8Array): string {
  return createHash("sha256").update(previous, "latin1").update(body).digest("hex");
}

export function writeLine(previous: string, body: string): { hash: string; bytes: Buffer } {
  const hash = hashOf(previous, body);
  return { hash, bytes: Buffer.from(`${hash} ${body}\n`) };
}

/** The line that begins at `start`; undefined unless it is whole and follows the line with hash `previous`. */
export function readLine(bytes: Buffer, start: number, previous: string): Line | undefined {
  const end = bytes.indexOf(newline, start);
  const bodyStart = start + hashLength + 1;
  if (end === -1 || end <= bodyStart || bytes[bodyStart - 1] !== space) return undefined;
  const body = bytes.subarray(bodyStart, end);
  const hash = hashOf(previous, body);
  if (bytes.toString("latin1", start, start + hashLength) !== hash) return undefined;
  return { hash, body: body.toString("utf8"), end: end + 1 };
}

/** The first offset, at or after `start`, of a line that follows the line with hash `previous`. */
export function findLine(bytes: Buffer, start: number, previous: string): number | undefined {
  while (start < bytes.length) {
    if (readLine(bytes, start, previous) !== undefined) return start;
    const end = bytes.indexOf(newline, start);
    if (end === -1) return undefined;
    start = end + 1;
  }
  return undefined;
}
