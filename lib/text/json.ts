/**
 * The one door through which JSON text comes in.
 *
 * `JSON.parse` does the work; it does not say where it stopped, so a text it refuses is read again by jsonc-parser.
 */
import { printParseErrorCode, visit } from "jsonc-parser";
import { withoutByteOrderMark } from "./encoding.ts";
import { Failure } from "../failure.ts";

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
export type JsonObject = { [name: string]: Json };

/** Deeper nesting has no use here, and everything that walks a value may recurse. */
export const maxJsonDepth = 64;

/**
 * A byte order mark is skipped, as RFC 8259 section 8.1 allows.
 *
 * @param source what the text was read from, for errors
 * @throws {Failure<"bad-json">} the message names line and column, both counted from 1
 */
export function parseJson(marked: string, source = "JSON"): Json {
  const text = withoutByteOrderMark(marked);
  if (isDeeperThan(text, maxJsonDepth)) {
    throw new Failure("bad-json", `cannot read ${source}: it is nested more than ${maxJsonDepth} levels deep`);
  }
  try {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- JSON.parse makes nothing but Json
    return JSON.parse(text) as Json;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const { line, column, message } = jsonSyntaxError(text) ?? { line: 1, column: 1, message: error.message };
    throw new Failure("bad-json", `cannot read ${source}: line ${line}, column ${column}: ${message}`);
  }
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether brackets nest deeper than `limit`; holds for broken JSON too, so that it can be asked first. */
export function isDeeperThan(text: string, limit: number): boolean {
  let depth = 0;
  for (let at = 0, inString = false; at < text.length; at++) {
    const char = text[at];
    if (inString) {
      if (char === "\\") at++;
      else if (char === '"') inString = false;
    } else if (char === '"') inString = true;
    else if (char === "{" || char === "[") {
      if (++depth > limit) return true;
    } else if (char === "}" || char === "]") depth--;
  }
  return false;
}

export type JsonSyntaxError = { line: number; column: number; message: string };

/** The first syntax error; undefined when there is none. The text must not be nested too deep. */
export function jsonSyntaxError(text: string): JsonSyntaxError | undefined {
  let first: JsonSyntaxError | undefined;
  visit(
    text,
    {
      onError(code, _offset, _length, startLine, startCharacter) {
        first ??= { line: startLine + 1, column: startCharacter + 1, message: wordsOf(printParseErrorCode(code)) };
      },
    },
    { disallowComments: true, allowTrailingComma: false },
  );
  return first;
}

/** "CloseBraceExpected" reads "close brace expected". */
function wordsOf(code: string): string {
  return code.replaceAll(/(?<!^)[A-Z]/g, (letter) => ` ${letter}`).toLowerCase();
}
