/**
 * Types of setting values: zod schemas whose every complaint reads "must be …".
 *
 * A type carries its words as `description`, which the settings page and JSON Schema show as well. What a value was
 * and which key it was for is added by `settings/complaint.ts`.
 */
import { z } from "zod";
import type { Json } from "../lib/json.ts";

export type Type<T extends Json = Json> = z.ZodType<T>;

/** Gives a type its words; `words` completes "must be". */
export function described<T extends z.ZodType>(type: T, words: string): T {
  z.globalRegistry.add(type, { description: words });
  return type;
}

/** What a type accepts, to complete "must be". */
export function wordsOf(type: z.ZodType): string {
  return type.description ?? "of another type";
}

export const mustBe = (words: string): { error: string } => ({ error: `must be ${words}` });

export const flag: z.ZodType<boolean> = described(z.boolean(mustBe("true or false")), "true or false");

export function oneOf<const Value extends string>(...values: readonly [Value, ...Value[]]): z.ZodType<Value> {
  const words = values.length === 1 ? JSON.stringify(values[0]) : `one of ${values.join(", ")}`;
  return described(z.enum(values, mustBe(words)), words);
}

export const int32 = { least: -(2 ** 31), most: 2 ** 31 - 1 };
export const uint32 = { least: 0, most: 2 ** 32 - 1 };

/** A whole number within bounds, both allowed; 110.0 is none. */
export function wholeNumber({ least, most }: { least: number; most: number }): z.ZodType<number> {
  const words = `a whole number from ${least} to ${most}`;
  return described(z.int(mustBe(words)).min(least, mustBe(words)).max(most, mustBe(words)), words);
}

/** Longer lists are mistakes, and everything has a limit. */
const mostItems = 1000;

export function listOf<T extends Json>(item: z.ZodType<T>, { least = 0, most = mostItems } = {}): z.ZodType<T[]> {
  const count = least === 0 ? "" : `${least} or more `;
  const words = `a list, each item ${wordsOf(item)}`;
  return described(
    z
      .array(item, mustBe(words))
      .min(least, mustBe(`a list of ${count}items`))
      .max(most, mustBe(`a list of at most ${most} items`)),
    words,
  );
}

/** A list that may be written as its only item; a list is what comes out. */
export function oneOrList<T extends Json>(item: z.ZodType<T>): z.ZodType<T[]> {
  const list = listOf(item);
  const words = `${wordsOf(item)}, or a list of them`;
  return described(z.union([item.transform((only) => [only]), list], mustBe(words)), words);
}
