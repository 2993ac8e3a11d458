/** Debian control data: paragraphs of `Field: value` with continuation lines. Source: Debian Policy 5.1, deb822(5). */
import { Failure } from "../../../lib/failure.ts";

/** Fields by their name in lower case. Continuation lines are joined by line breaks, without their first space. */
export type Paragraph = ReadonlyMap<string, string>;

/**
 * Reads paragraphs one by one, for an index may have 70,000 of them.
 *
 * @param where names the file in errors
 * @throws {Failure<"bad-control-data">} for a line that is neither a field nor a continuation
 */
export function* parseControl(text: string, where: string): Generator<Paragraph> {
  let paragraph = new Map<string, string>();
  let field = "";
  let lineNumber = 0;
  for (let start = 0; start < text.length;) {
    const newline = text.indexOf("\n", start);
    const end = newline === -1 ? text.length : newline;
    const line = text.slice(start, end);
    start = end + 1;
    lineNumber++;
    if (line.trim() === "") {
      if (paragraph.size > 0) yield paragraph;
      paragraph = new Map();
      field = "";
    } else if (line.startsWith("#")) {
      continue;
    } else if (line.startsWith(" ") || line.startsWith("\t")) {
      if (field === "") throw unexpected(where, lineNumber, line);
      paragraph.set(field, `${paragraph.get(field) ?? ""}\n${line.slice(1).trimEnd()}`);
    } else {
      const colon = line.indexOf(":");
      if (colon < 1) throw unexpected(where, lineNumber, line);
      field = line.slice(0, colon).toLowerCase();
      paragraph.set(field, line.slice(colon + 1).trim());
    }
  }
  if (paragraph.size > 0) yield paragraph;
}

function unexpected(where: string, lineNumber: number, line: string): Failure {
  return new Failure(
    "bad-control-data",
    `cannot read ${where}: line ${lineNumber} is ${JSON.stringify(line.slice(0, 80))}, expected "Field: value"`,
  );
}
