/**
 * Types of setting values: zod schemas whose every complaint reads "must be …".
 *
 * A schema is made when a value is first checked: the host starts faster for all the schemas it does not need. What the
 * value was and which key it was for is added by `settings/model/complaint.ts`.
 */
import { z } from "zod";
import type { Json } from "../../lib/text/json.ts";
import { Literal } from "../../lib/text/literal.ts";
import type { Secrecy } from "./secrecy.ts";

export type Type<T extends Json = Json> = {
  /** What it accepts; completes "must be". */
  readonly words: string;
  /** The values of an enumeration. */
  readonly values?: readonly string[];
  /** What of a value only administrators see. */
  readonly secrecy: Secrecy;
  schema(): z.ZodType<T>;
};

/** How zod words the refusal of a value; passed to every check of a schema. */
export type ValueRefusal = { error: string };

/** A type from its words and the schema that enforces them. */
export function typeOf<T extends Json>(words: string, make: (refusal: ValueRefusal) => z.ZodType<T>): Type<T> {
  let schema: z.ZodType<T> | undefined;
  return { words, secrecy: "open", schema: () => (schema ??= make({ error: `must be ${words}` })) };
}

/** The same type, of which nobody but administrators sees a value. */
export const secret = <T extends Json>(type: Type<T>): Type<T> => ({ ...type, secrecy: "secret" });

/** The same type, whose texts are URLs that may carry a password or a token. */
export const address = <T extends Json>(type: Type<T>): Type<T> => ({ ...type, secrecy: "address" });

export const flag: Type<boolean> = typeOf("true or false", (refusal) => z.boolean(refusal));

export function oneOf<const Value extends string>(...values: readonly [Value, ...Value[]]): Type<Value> {
  const shown = values.map((value) => (value === "" ? '""' : value));
  const words = shown.length === 1 ? `${shown[0]}` : `one of ${shown.join(", ")}`;
  return { ...typeOf(words, (refusal) => z.enum(values, refusal)), values };
}

/** The same, written in any mixture of capital and small letters. */
export function oneOfAnyCase<const Value extends string>(...values: readonly [Value, ...Value[]]): Type<Value> {
  const exact = oneOf(...values);
  const meant = new Map(values.map((value) => [value.toLowerCase(), value]));
  const canonical = (value: unknown): unknown =>
    typeof value === "string" ? (meant.get(value.toLowerCase()) ?? value) : value;
  return { ...exact, ...typeOf(exact.words, () => z.preprocess(canonical, exact.schema())) };
}

export const int32 = { least: -(2 ** 31), most: 2 ** 31 - 1 };
export const uint32 = { least: 0, most: 2 ** 32 - 1 };

/** A whole number within bounds, both allowed; 110.0 is none. */
export function wholeNumber(bounds: { least: number; most: number; multipleOf?: number }): Type<number> {
  const { least, most, multipleOf } = bounds;
  const kind = multipleOf === undefined ? "a whole number" : `a multiple of ${multipleOf}`;
  return typeOf(`${kind} from ${least} to ${most}`, (refusal) => {
    const number = z.int(refusal).min(least, refusal).max(most, refusal);
    return multipleOf === undefined ? number : number.multipleOf(multipleOf, refusal);
  });
}

/** Any number within bounds; unlike a whole number it may be written 1.0. */
export function decimal({ above, most }: { above: number; most: number }): Type<number> {
  return typeOf(`a number above ${above}, at most ${most}`, (refusal) =>
    z.preprocess(
      (value) => (value instanceof Literal ? (value.decimal ?? value) : value),
      z.number(refusal).gt(above, refusal).lte(most, refusal),
    ),
  );
}

/** A number for which -1 stands for no limit. */
export function unlimitedOr(number: Type<number>): Type<number> {
  return typeOf(`${number.words}, or -1 for no limit`, (refusal) =>
    z.union([number.schema(), z.literal(-1, refusal)], refusal),
  );
}

/** Longer lists are mistakes, and everything has a limit. */
const mostItems = 1000;

export function listOf<T extends Json>(item: Type<T>, { least = 0 } = {}): Type<T[]> {
  const words = `a list${least === 0 ? "" : ` of ${least} or more`}, each item ${item.words}`;
  const type = typeOf(words, (refusal) => {
    const list = z.array(item.schema(), refusal).max(mostItems, { error: `must have at most ${mostItems} items` });
    return least === 0 ? list : list.min(least, { error: `must have ${least} or more items` });
  });
  return { ...type, secrecy: item.secrecy };
}

/** A table inside of a list, where our own tables do not reach. A problem with its keys lists those there are. */
export function tableOf<Shape extends z.core.$ZodLooseShape>(
  shape: Shape,
  refusal: ValueRefusal,
): z.ZodObject<Shape, z.core.$strict> {
  const error = (issue: { code: string }): string =>
    issue.code === "unrecognized_keys" ? `only ${Object.keys(shape).join(", ")}` : refusal.error;
  return z.strictObject(shape, { error });
}

/** A list that may be written as its only item; a list is what comes out. */
export function itemOrList<T extends Json>(item: Type<T>): Type<T[]> {
  const type = typeOf(`${item.words}, or a list of them`, (refusal) =>
    z.union([item.schema().transform((only) => [only]), listOf(item).schema()], refusal),
  );
  return { ...type, secrecy: item.secrecy };
}
