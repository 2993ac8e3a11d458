/**
 * Takes secrets out of texts: those that are known, wherever they turn up, and what looks like one by its shape.
 *
 * By value, not by place: a container that prints its user data puts it into the journal.
 */
import { masked } from "../../settings/model/secrecy.ts";

/** As much as a key can have in a log that writes before each line when and who. */
const keyCharactersMost = 65_536;
const keyMark = /-----(BEGIN|END) ([A-Z ]*PRIVATE KEY)-----/g;

/**
 * What is a secret whoever wrote it; what is kept of it in front of the mask is the first group.
 *
 * Whoever prints decides how much of it looks like a secret that never comes: what is looked for ahead has an end, or begins
 * where a word begins, so that each character is read a limited number of times.
 */
const shapes: readonly RegExp[] = [
  // Passwords in addresses, and tokens that stand where a user would.
  /(\b[a-z][a-z0-9+.-]{0,31}:\/\/[^\s/:@"']*:)[^\s/@"']+(?=@)/gi,
  /(\b[a-z][a-z0-9+.-]{0,31}:\/\/)[^\s/:@"']{16,}(?=@)/gi,
  // RFC 9110, 11.6.2; with or without quotation marks around name and value.
  /(\b(?:proxy-)?authorization["']?\s*[:=]\s*["']?(?:[a-z]+\s+)?)[^\s"',;]{6,}/gi,
  // RFC 7519, 3.1: a header in base64 begins with {".
  /(?<![\w-])(?=[\w-]{11,}\.[\w-]{8,}\.)([\w-]*?)\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*/g,
  // AWS: keys of users and of roles.
  /()\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/g,
  // Kubernetes: bootstrap tokens.
  /(\b[a-z0-9]{6}\.)[a-z0-9]{16}\b/g,
  /()\bgh[pousr]_[A-Za-z0-9]{20,}/g,
  // Variables, options and fields that are called so.
  /((?:secret|token|passw(?:or)?d|api[_-]?key|access[_-]?key)[\w-]{0,32}["']?\s{0,2}=\s{0,2}["']?)[^\s"',;&]{6,}/gi,
  /((?:secret|token|passw(?:or)?d|api[_-]?key|access[_-]?key)[\w-]{0,32}["']?\s{0,2}:\s{0,2}["']?)(?=[^\s"',;]{0,256}\d)[^\s"',;]{6,}/gi,
];

export type Masker = (text: string) => string;

/** By shape alone, where no values are known. */
export function maskShapes(text: string): string {
  let open = withoutKeys(text);
  for (const shape of shapes) open = open.replaceAll(shape, `$1${masked}`);
  return open;
}

/**
 * Private keys, also those of which only the beginning is there, since a program died, or only the end, since a log was cut.
 * Read once from mark to mark: one expression for all of it would look ahead from every beginning.
 */
function withoutKeys(text: string): string {
  let open = "";
  let at = 0;
  let key: { label: string; end: number } | undefined;
  for (const { 0: mark, 1: side, 2: label = "", index } of text.matchAll(keyMark)) {
    if (key !== undefined && index > key.end) {
      at = key.end;
      key = undefined;
    }
    if (key === undefined) {
      const begins = side === "BEGIN";
      open += text.slice(at, begins ? index : Math.max(at, index - keyCharactersMost)) + masked;
      at = index + mark.length;
      if (begins) key = { label, end: at + keyCharactersMost };
    } else if (side === "END" && label === key.label) {
      at = index + mark.length;
      key = undefined;
    }
  }
  return open + text.slice(key?.end ?? at);
}

/** Secrets are found by how they begin, so that a text is read once however many there are. */
export const leastLength = 6;

export function maskerOf(secrets: Iterable<string>): Masker {
  const byBeginning = new Map<string, string[]>();
  for (const secret of secrets) {
    const beginning = secret.slice(0, leastLength);
    if (beginning.length < leastLength) continue;
    const known = byBeginning.get(beginning);
    if (known === undefined) byBeginning.set(beginning, [secret]);
    else known.push(secret);
  }
  for (const known of byBeginning.values()) known.sort((a, b) => b.length - a.length);
  return (text) => maskShapes(withoutKnown(text, byBeginning));
}

/** The longest that begins at a place is taken out, and what follows it is looked at next. */
function withoutKnown(text: string, byBeginning: ReadonlyMap<string, readonly string[]>): string {
  if (byBeginning.size === 0) return text;
  let open = "";
  let copied = 0;
  for (let at = 0; at <= text.length - leastLength; at++) {
    const secret = byBeginning.get(text.slice(at, at + leastLength))?.find((known) => text.startsWith(known, at));
    if (secret === undefined) continue;
    open += text.slice(copied, at) + masked;
    copied = at + secret.length;
    at = copied - 1;
  }
  return open + text.slice(copied);
}
