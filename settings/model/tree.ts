/** Trees of settings and their leaves. A leaf is a scalar or a whole list; the tree above it is made of names. */
import { isJsonObject, type Json, type JsonObject } from "../../lib/text/json.ts";
import { joinKey, root, splitKey } from "./key.ts";
import { canonicalName, childOf } from "./reading.ts";
import type { AnyMap, SettingNode } from "./setting.ts";

/** A partial tree with the names that users write, without the outer "settings". */
export type SettingsTree = JsonObject;

/** What lies at a place in the declaration; undefined when nothing does. */
export function nodeAt(node: SettingNode, segments: readonly string[]): SettingNode | undefined {
  let at: SettingNode | undefined = node;
  for (const segment of segments) at = at && childOf(at, segment);
  return at;
}

/** The same place by the names that the declaration has; what it does not know stays as it is. */
export function canonicalSegments(node: SettingNode, segments: readonly string[]): string[] {
  let at: SettingNode | undefined = node;
  return segments.map((segment) => {
    const meant = at === undefined ? segment : canonicalName(at, segment);
    at = at && childOf(at, segment);
    return meant;
  });
}

/** Every leaf by its key. The tree must be a valid one. */
export function leavesOf(node: SettingNode, tree: SettingsTree): Map<string, Json> {
  const leaves = new Map<string, Json>();
  const visit = (at: SettingNode, value: Json, segments: readonly string[]): void => {
    if (at.kind === "setting" || !isJsonObject(value)) {
      leaves.set(joinKey(segments), value);
      return;
    }
    for (const [name, inner] of Object.entries(value)) {
      const child = childOf(at, name);
      if (child !== undefined) visit(child, inner, [...segments, name]);
    }
  };
  visit(node, tree, [root]);
  return leaves;
}

type Branch = Map<string, Branch | { leaf: Json }>;

/**
 * The tree that has these leaves.
 *
 * @throws {Failure<"bad-key">} for a key that cannot be read
 */
export function treeOf(leaves: ReadonlyMap<string, Json>): SettingsTree {
  const trunk: Branch = new Map();
  for (const [key, leaf] of leaves) {
    const [, ...segments] = splitKey(key);
    let branch = trunk;
    for (const segment of segments.slice(0, -1)) {
      const next = branch.get(segment);
      const inner: Branch = next instanceof Map ? next : new Map();
      branch.set(segment, inner);
      branch = inner;
    }
    const last = segments.at(-1);
    if (last !== undefined) branch.set(last, { leaf });
  }
  return objectOf(trunk);
}

// Object.fromEntries, because an assignment to `__proto__` would not make a key.
function objectOf(branch: Branch): JsonObject {
  return Object.fromEntries(
    [...branch].map(([name, inner]) => [name, inner instanceof Map ? objectOf(inner) : inner.leaf]),
  );
}

/**
 * Defaults filled in. The first of `layers` that has a leaf decides it, then the default beside the setting. Maps are
 * sorted, so that what is rendered from them does not depend on the order in which someone set them, but for those
 * whose order has a meaning.
 */
export function complete(node: SettingNode, layers: readonly Json[]): Json | undefined {
  if (node.kind === "setting") return layers[0] ?? node.default;
  const objects = [...layers, ...(node.kind === "map" ? [node.standard] : [])].filter(isJsonObject);
  const names = node.kind === "table" ? Object.keys(node.children) : namesIn(objects, node);
  const entries: [string, Json][] = [];
  for (const name of names) {
    const child = node.kind === "map" ? node.entry : node.children[name];
    const inner = objects.flatMap((object) => (Object.hasOwn(object, name) ? [object[name] ?? null] : []));
    const value = child && complete(child, inner);
    if (value !== undefined) entries.push([name, value]);
  }
  return Object.fromEntries(entries);
}

function namesIn(objects: readonly JsonObject[], { ordered }: AnyMap): string[] {
  const names = [...new Set(objects.flatMap((object) => Object.keys(object)))];
  return ordered ? names : names.toSorted();
}
