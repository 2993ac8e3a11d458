/** Rules that many parts of a Pod share. */
import { isSet, type AnObject, type Conditions, type Flaw, type ObjectPlace } from "./object-types.ts";

export type ObjectRule = Conditions["objects"][string];

/** Names that come a second time in lists of objects; nothing and empty names do not count. */
export function* twice(
  lists: readonly [ObjectPlace, [AnObject, number][]][],
  field: string,
  words: string,
): Iterable<Flaw> {
  const before = new Set<unknown>();
  for (const [place, objects] of lists) {
    for (const [object, index] of objects) {
      const name = object[field];
      if (name === undefined || name === "") continue;
      if (before.has(name))
        yield { at: [...place, index, field], message: `must be ${words}: ${JSON.stringify(name)} is there before` };
      before.add(name);
    }
  }
}

/** @param beside fields that are not one of the alternatives */
export const oneOf = (least: 0 | 1, ...beside: readonly string[]): ObjectRule =>
  function* (object, at, known) {
    const choices = [...known].filter((field) => !beside.includes(field));
    const chosen = choices.filter((field) => isSet(object, field));
    if (chosen.length < least) yield { at, message: `must have one of ${choices.join(", ")}` };
    const [, second] = chosen;
    if (second !== undefined) yield { at: [...at, second], message: `must not be set beside ${chosen[0]}` };
  };

/** Fields that the API's description lets be left out, and validation does not. */
export const needs = (...fields: readonly string[]): ObjectRule =>
  function* (object, at) {
    for (const field of fields) if (!isSet(object, field)) yield { at: [...at, field], message: "must be set" };
  };

export const notEmpty = (field: string): ObjectRule =>
  function* (object, at) {
    const list = object[field];
    if (list === undefined || list === null || (Array.isArray(list) && list.length === 0)) {
      yield { at: [...at, field], message: "must have one or more items" };
    }
  };
