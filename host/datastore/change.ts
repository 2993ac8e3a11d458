/** What differs between two states of the settings, and how to take it back. */
import { isDeepStrictEqual } from "node:util";
import { defined } from "../../lib/defined.ts";
import type { Json } from "../../lib/text/json.ts";

/** Settings by their full dotted key. */
export type Values = ReadonlyMap<string, Json>;

/** What is staged: `undefined` returns a key to its default. */
export type Staged = ReadonlyMap<string, Json | undefined>;

/** A key whose value differs; an absent side means that it is not set. */
export type Change = { key: string; before?: Json; after?: Json };

/** What differs: what is gone, then what is set, in its order. The order of settings has a meaning for some. */
export function changesBetween(before: Values, after: Values): Change[] {
  const gone = [...before.keys()].filter((key) => !after.has(key));
  return [...gone, ...after.keys()].flatMap((key) => changeOf(key, before.get(key), after.get(key)));
}

/** `values` with staged changes on top. */
export function withStaged(values: Values, staged: Staged): Map<string, Json> {
  const result = new Map(values);
  for (const [key, value] of staged) {
    if (value === undefined) result.delete(key);
    else result.set(key, value);
  }
  return result;
}

/**
 * `now` without what one transaction changed, and with everything that others changed since.
 *
 * `conflicts` are the keys that were changed again afterwards; they keep what they have.
 */
export function revert(now: Values, changes: readonly Change[]): { values: Map<string, Json>; conflicts: string[] } {
  const values = new Map(now);
  const conflicts: string[] = [];
  for (const { key, before, after } of changes) {
    const current = now.get(key);
    if (isDeepStrictEqual(current, before)) continue;
    if (!isDeepStrictEqual(current, after)) conflicts.push(key);
    else if (before === undefined) values.delete(key);
    else values.set(key, before);
  }
  return { values, conflicts };
}

function changeOf(key: string, before: Json | undefined, after: Json | undefined): Change[] {
  if (isDeepStrictEqual(before, after)) return [];
  return [{ key, ...defined({ before, after }) }];
}
