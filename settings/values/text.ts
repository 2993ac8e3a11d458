/** Texts. None may hold control characters, which nobody types on purpose, nor half of a surrogate pair. */
import { z } from "zod";
import { listOf, secret, typeOf, type Type } from "../model/type.ts";

/** Names, addresses and the like; longer ones are mistakes, and some patterns take long to refuse them. */
const mostCharacters = 4096;

/**
 * A text that matches a pattern, which JSON Schema can say too, and passes a check, which it cannot. The check is asked
 * about texts that match only.
 */
export function pattern(words: string, regex: RegExp, accepts?: (text: string) => boolean): Type<string> {
  return limitedPattern(words, mostCharacters, regex, accepts);
}

/** Texts that carry files may be as long as a document. */
const mostInFile = 1024 * 1024;

function limitedPattern(words: string, most: number, regex: RegExp, accepts?: (text: string) => boolean): Type<string> {
  return typeOf(words, (refusal) => {
    const tooLong = { error: `must have at most ${most} characters`, abort: true };
    const text = z.string(refusal).max(most, tooLong).regex(regex, refusal);
    return accepts === undefined ? text : text.refine((value) => !regex.test(value) || accepts(value), refusal);
  });
}

const isWellFormed = (value: string): boolean => value.isWellFormed();

/** Any number of lines. C0 except tab and newline, delete and C1 are out. */
export const text: Type<string> = limitedPattern(
  "text without control characters other than tab and newline",
  mostInFile,
  // oxlint-disable-next-line no-control-regex -- to refuse them
  /^[^\u0000-\u0008\u000b-\u001f\u007f-\u009f]*$/,
  isWellFormed,
);

/** One line; may be empty. */
export const line: Type<string> = limitedPattern(
  "one line of text without control characters",
  mostInFile,
  // oxlint-disable-next-line no-control-regex -- to refuse them
  /^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$/,
  isWellFormed,
);

/** A name that a user chooses and that becomes part of paths, units and container ids. */
export const identifier: Type<string> = pattern("1 to 76 letters, digits and hyphens", /^[A-Za-z0-9-]{1,76}$/);

const base64Text = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** A file that somebody wrote: whatever they put into it. Standard alphabet, padded; kept as written. */
export const base64: Type<string> = secret(base64Of("base64 with the standard alphabet and padding"));

/** Arguments of a program, among which passwords stand. */
export const programArguments: Type<string[]> = secret(listOf(line));

/** Base64 of something in particular. */
export function base64Of(words: string, accepts?: (encoded: string) => boolean): Type<string> {
  return limitedPattern(words, mostInFile, base64Text, accepts);
}

const semver =
  /(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?/;

/** As semver.org has it, with or without a `v` in front. */
export const versionOrLatest: Type<string> = pattern(
  "a version such as 1.2.3 or v1.2.3, or latest",
  new RegExp(`^(?:latest|v?${semver.source})$`),
);
