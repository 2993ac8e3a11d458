/**
 * A suite's signed table of contents: `InRelease`, which lists every index with its SHA-256.
 *
 * All trust in a mirror starts here: nothing of the file is read before its OpenPGP signature was checked against the
 * keys of the package debian-archive-keyring. Source: the repository format at wiki.debian.org/DebianRepository/Format.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { readCleartextMessage, readKeys, verify, type PublicKey } from "openpgp";
import { Failure } from "../../../lib/failure.ts";
import { namesIn } from "../../../lib/files/files.ts";
import { parseControl } from "./control.ts";

export type DebianRelease = {
  suite: string;
  /** When the archive made it. */
  date: Date;
  /** Length and SHA-256 by path below `dists/<suite>/`. */
  files: ReadonlyMap<string, { sha256: string; bytes: number }>;
  /** Whoever uses it is told: a mirror that stands still would look the same. */
  warning?: string;
};

/** Where public keys are, and which of them count: whoever writes a file of the right name there is not believed. */
export type Keyrings = { directory: string; fingerprints: ReadonlySet<string> };

/** The keys that sign Debian 13. */
const debianKeyrings: Keyrings = {
  directory: "/usr/share/keyrings",
  fingerprints: new Set([
    "04b54c3cdca79751b16bc6b5225629df75b188bd", // archive
    "5e04a1e3223a19a20706e20f9904613d4cce68c6", // security archive
    "41587f7db8c774bccf131416762f67a0b2c39de4", // stable release
  ]),
};

/** Indexes of a stable suite are signed anew at every update of it, which come every few months; security's every day. */
const staleMs = 30 * 24 * 60 * 60 * 1000;

/** A mirror's clock and ours may differ by so much. */
const clockToleranceMs = 60 * 60 * 1000;

/**
 * The keys that sign Debian 13, and no others: a key of an older release must not vouch for this one.
 *
 * @throws {Failure<"no-archive-keys">} when the machine has none, or one that is not known
 */
export async function archiveKeys({ directory, fingerprints } = debianKeyrings): Promise<PublicKey[]> {
  const names = (await namesIn(directory)).filter((name) => /^debian-archive-trixie-[a-z-]+\.(gpg|pgp)$/.test(name));
  const keys: PublicKey[] = [];
  for (const name of names) {
    // A keyring with secret keys is never among these; readKeys hands out public ones.
    for (const key of await readKeys({ binaryKeys: await readFile(join(directory, name)) })) {
      if (fingerprints.has(key.getFingerprint())) keys.push(key.toPublic());
      else throw unknownKey(join(directory, name), key.getFingerprint());
    }
  }
  if (keys.length > 0) return keys;
  throw new Failure("no-archive-keys", `cannot check signatures: no debian-archive-trixie-*.gpg in ${directory}`, {
    hint: "install the package debian-archive-keyring (2023.3+deb12u2 or newer)",
  });
}

function unknownKey(path: string, fingerprint: string): Failure<"no-archive-keys"> {
  return new Failure(
    "no-archive-keys",
    `cannot check signatures: ${path} holds a key that is not known: ${fingerprint}`,
    {
      hint: "the keys of Debian 13 are listed in image/packages/debian/release.ts",
    },
  );
}

/**
 * Checks the signature and the dates of an InRelease file, then reads it.
 *
 * @param where names the file in errors
 * @throws {Failure<"bad-signature" | "bad-release" | "expired-release" | "future-release">}
 */
export async function readRelease(
  text: string,
  { suite, keys, now, where }: { suite: string; keys: PublicKey[]; now: Date; where: string },
): Promise<DebianRelease> {
  const signed = await signedText(text, keys, now, where);
  const [fields] = parseControl(signed, where);
  if (fields?.get("codename") !== suite) {
    const got = JSON.stringify(fields?.get("codename"));
    throw new Failure("bad-release", `cannot use ${where}: its codename is ${got}, expected "${suite}"`);
  }
  const date = timeOf(fields.get("date"), "Date", where);
  if (date.getTime() > now.getTime() + clockToleranceMs) {
    const times = `it was made at ${date.toISOString()}, but this machine's clock says ${now.toISOString()}`;
    throw new Failure("future-release", `cannot use ${where}: ${times}`, { hint: "set this machine's clock" });
  }
  const validUntil = fields.get("valid-until");
  if (validUntil !== undefined && timeOf(validUntil, "Valid-Until", where) < now) {
    const times = `it was valid until ${validUntil}, and this machine's clock says ${now.toISOString()}`;
    throw new Failure("expired-release", `cannot use ${where}: ${times}`, {
      hint: "the mirror is stale (or the clock is wrong); choose another mirror with --mirror",
    });
  }
  const isStale = validUntil === undefined && now.getTime() - date.getTime() > staleMs;
  return {
    suite,
    date,
    files: checksums(fields.get("sha256") ?? "", where),
    ...(isStale ? { warning: `${where} is of ${date.toISOString().slice(0, 10)}, and has no Valid-Until` } : {}),
  };
}

/** The text that at least one of `keys` signed; whatever else is in the file does not count. */
async function signedText(text: string, keys: PublicKey[], now: Date, where: string): Promise<string> {
  const hint = "the mirror serves something that Debian did not sign; choose another with --mirror";
  let message;
  try {
    message = await readCleartextMessage({ cleartextMessage: text });
  } catch (cause) {
    throw new Failure("bad-signature", `cannot use ${where}: it is no signed message`, { hint, cause });
  }
  const { data, signatures } = await verify({ message, verificationKeys: keys, date: now });
  const refusals: unknown[] = [];
  for (const { verified } of signatures) {
    try {
      await verified;
      return data;
    } catch (error) {
      refusals.push(error); // signed by several keys, of which we need one
    }
  }
  const reason = `none of its ${signatures.length} signatures is a good one by a key of Debian 13`;
  throw new Failure("bad-signature", `cannot use ${where}: ${reason}`, { hint, cause: refusals.at(-1) });
}

function timeOf(text: string | undefined, field: string, where: string): Date {
  const time = new Date(text ?? "");
  if (!Number.isNaN(time.getTime())) return time;
  throw new Failure("bad-release", `cannot use ${where}: ${field} is ${JSON.stringify(text)}, expected a date`);
}

/** Lines of "sha256 bytes path". */
function checksums(text: string, where: string): Map<string, { sha256: string; bytes: number }> {
  const files = new Map<string, { sha256: string; bytes: number }>();
  for (const line of text.split("\n")) {
    if (line.trim() === "") continue;
    const [, sha256, bytes, path] = /^\s*([0-9a-f]{64})\s+(\d+)\s+(\S+)$/.exec(line) ?? [];
    if (sha256 === undefined || bytes === undefined || path === undefined) {
      throw new Failure("bad-release", `cannot use ${where}: its SHA256 list has the line ${JSON.stringify(line)}`);
    }
    files.set(path, { sha256, bytes: Number(bytes) });
  }
  return files;
}
