/** What editors put before a text, and what gives away a text that is not UTF-8. Source: Unicode, section 23.8. */

/** A byte order mark before UTF-8 is no content; editors of Windows write one. */
export function withoutByteOrderMark(text: string): string {
  return text.startsWith("\uFEFF") ? text.slice(1) : text;
}

const marks = [
  { bytes: [0xff, 0xfe, 0, 0], encoding: "UTF-32" },
  { bytes: [0, 0, 0xfe, 0xff], encoding: "UTF-32" },
  { bytes: [0xff, 0xfe], encoding: "UTF-16" },
  { bytes: [0xfe, 0xff], encoding: "UTF-16" },
] as const;

/** The encoding that a mark in front names; undefined for UTF-8, and where there is no mark. */
export function encodingByMark(text: Uint8Array): "UTF-16" | "UTF-32" | undefined {
  return marks.find(({ bytes }) => bytes.every((byte, at) => text[at] === byte))?.encoding;
}

/** Where a text that was read as UTF-8 has its first NUL, and so is probably UTF-16 without a mark. */
export function nulCharacter(text: string): { line: number; column: number; message: string } | undefined {
  const at = text.indexOf("\0");
  if (at < 0) return undefined;
  const before = text.slice(0, at).split("\n");
  const column = (before.at(-1) ?? "").length + 1;
  return { line: before.length, column, message: "it holds NUL characters, as UTF-16 has, and must be UTF-8" };
}
