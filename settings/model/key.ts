/**
 * Names of settings as text: `settings.kubernetes.node-labels."my.label"`.
 *
 * Segments with characters other than letters, digits, `-` and `_` stand in double quotes; inside, a backslash escapes
 * a quote and a backslash.
 */
import { Failure } from "../../lib/failure.ts";

/** The first segment of every key. */
export const root = "settings";

const bare = /^[A-Za-z0-9_-]+$/;

export function joinKey(segments: readonly string[]): string {
  return segments.map((segment) => (bare.test(segment) ? segment : quote(segment))).join(".");
}

/** @throws {Failure<"bad-key">} */
export function splitKey(key: string): string[] {
  const segments: string[] = [];
  const refuse = (at: number, message: string): never => {
    throw new Failure("bad-key", `cannot read key ${JSON.stringify(key)}: ${message} at character ${at + 1}`, {
      hint: 'put segments with other characters than letters, digits, - and _ in double quotes: node-labels."my.label"',
    });
  };
  let at = 0;
  for (;;) {
    if (key[at] === '"') {
      const { segment, end } = quoted(key, at) ?? refuse(at, "a quote is not closed");
      segments.push(segment);
      at = end;
    } else {
      const start = at;
      while (at < key.length && key[at] !== "." && bare.test(key[at] ?? "")) at++;
      if (at === start)
        return refuse(at, at < key.length && key[at] !== "." ? "unexpected character" : "empty segment");
      segments.push(key.slice(start, at));
    }
    if (at === key.length) return segments;
    if (key[at] !== ".") return refuse(at, "unexpected character");
    at++;
  }
}

/** Whether `key` is `prefix` or lies below it. */
export function isUnder(key: string, prefix: string): boolean {
  return key === prefix || key.startsWith(`${prefix}.`);
}

/** "motd" and "settings.motd" mean the same. */
export function fullKey(key: string): string {
  return isUnder(key, root) ? key : `${root}.${key}`;
}

/** KEY=VALUE at the first = that is not inside quotes; undefined when there is none, or no key before it. */
export function splitPair(pair: string): { key: string; text: string } | undefined {
  const [, key, text] = /^((?:[^="]|"(?:[^"\\]|\\.)*")+)=(.*)$/s.exec(pair) ?? [];
  return key === undefined || text === undefined ? undefined : { key, text };
}

function quote(segment: string): string {
  return `"${segment.replaceAll(/["\\]/g, (char) => `\\${char}`)}"`;
}

/** The segment that the quote at `start` opens, and the place behind its closing quote. */
function quoted(key: string, start: number): { segment: string; end: number } | undefined {
  let segment = "";
  for (let at = start + 1; at < key.length; at++) {
    if (key[at] === '"') return { segment, end: at + 1 };
    if (key[at] === "\\") at++;
    segment += key[at] ?? "";
  }
  return undefined;
}
