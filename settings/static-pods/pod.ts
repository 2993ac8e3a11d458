/** The types of a Pod, and what it needs beyond them, by minor of Kubernetes. */
import { isAtLeast, type Minor } from "../model/setting.ts";
import type { Conditions, ObjectTypes } from "./object-types.ts";
import { optionalFields, podFields } from "./pod-fields.ts";
import { podObjects } from "./pod-objects.ts";
import { pod120 } from "./schema/pod-1.20.ts";
import { pod134 } from "./schema/pod-1.34.ts";
import { pod135 } from "./schema/pod-1.35.ts";
import { pod137 } from "./schema/pod-1.37.ts";

/** From old to new; a minor without types of its own has those of the newest before it. */
const types: readonly (readonly [Minor, ObjectTypes])[] = [
  ["1.20", pod120],
  ["1.34", pod134],
  ["1.35", pod135],
  ["1.37", pod137],
];

export function podTypes(minor: Minor): ObjectTypes {
  return types.findLast(([from]) => isAtLeast(minor, from))?.[1] ?? pod120;
}

const made = new Map<Minor, Conditions>();

export function podConditions(minor: Minor): Conditions {
  const conditions = made.get(minor) ?? {
    fields: podFields(minor),
    optional: optionalFields,
    objects: podObjects(minor),
  };
  made.set(minor, conditions);
  return conditions;
}
