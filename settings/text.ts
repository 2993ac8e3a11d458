/** Texts. None may hold control characters, which nobody types on purpose, nor half of a surrogate pair. */
import { z } from "zod";
import { described, mustBe } from "./type.ts";

/** A text that matches a pattern; the pattern reaches JSON Schema too. */
export function pattern(words: string, regex: RegExp): z.ZodString {
  return described(z.string(mustBe(words)).regex(regex, mustBe(words)), words);
}

/** A text that passes a check which no pattern can make, after the pattern. */
export function checked(words: string, regex: RegExp, accepts: (text: string) => boolean): z.ZodString {
  return described(pattern(words, regex).refine(accepts, mustBe(words)), words);
}

const longest = 1024 * 1024;

// C0 except tab and newline, delete, C1.
// oxlint-disable-next-line no-control-regex -- to refuse them
const printable = /^[^\u0000-\u0008\u000b-\u001f\u007f-\u009f]*$/;
const textWords = "text without control characters other than tab and newline";

/** Any number of lines. */
export const text: z.ZodType<string> = checked(
  textWords,
  printable,
  (value) => value.length <= longest && value.isWellFormed(),
);

const lineWords = "one line of text without control characters";
// oxlint-disable-next-line no-control-regex -- to refuse them
const singleLine = /^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$/;

/** One line; may be empty. */
export const line: z.ZodType<string> = checked(
  lineWords,
  singleLine,
  (value) => value.length <= longest && value.isWellFormed(),
);

/** A name that a user chooses and that becomes part of paths, units and container ids. */
export const identifier: z.ZodType<string> = pattern("1 to 76 letters, digits and hyphens", /^[A-Za-z0-9-]{1,76}$/);

/** Standard alphabet, padded; kept as written. */
export const base64: z.ZodType<string> = pattern(
  "base64 with the standard alphabet and padding",
  /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/,
);
