/** Texts. None may hold control characters, which nobody types on purpose, nor half of a surrogate pair. */
import { z } from "zod";
import { typeOf, type Type } from "./type.ts";

/** A text that matches a pattern, which JSON Schema can say too, and passes a check, which it cannot. */
export function pattern(words: string, regex: RegExp, accepts?: (text: string) => boolean): Type<string> {
  return typeOf(words, (refusal) => {
    const text = z.string(refusal).regex(regex, refusal);
    return accepts === undefined ? text : text.refine(accepts, refusal);
  });
}

const longest = 1024 * 1024;
const isProper = (value: string): boolean => value.length <= longest && value.isWellFormed();

/** Any number of lines. C0 except tab and newline, delete and C1 are out. */
export const text: Type<string> = pattern(
  "text without control characters other than tab and newline",
  // oxlint-disable-next-line no-control-regex -- to refuse them
  /^[^\u0000-\u0008\u000b-\u001f\u007f-\u009f]*$/,
  isProper,
);

/** One line; may be empty. */
export const line: Type<string> = pattern(
  "one line of text without control characters",
  // oxlint-disable-next-line no-control-regex -- to refuse them
  /^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$/,
  isProper,
);

/** A name that a user chooses and that becomes part of paths, units and container ids. */
export const identifier: Type<string> = pattern("1 to 76 letters, digits and hyphens", /^[A-Za-z0-9-]{1,76}$/);

export const base64Text = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Standard alphabet, padded; kept as written. */
export const base64: Type<string> = pattern("base64 with the standard alphabet and padding", base64Text);

const semver =
  /(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?/;

/** As semver.org has it, with or without a `v` in front. */
export const versionOrLatest: Type<string> = pattern(
  "a version such as 1.2.3 or v1.2.3, or latest",
  new RegExp(`^(?:latest|v?${semver.source})$`),
);
