/** Reads a partial tree of settings against the declaration: every problem is found, not only the first. */
import type { Json, JsonObject } from "../lib/json.ts";
import { nearest } from "../lib/nearest.ts";
import { complaints, Literal, show } from "./complaint.ts";
import { joinKey } from "./key.ts";
import type { Problem } from "./problem.ts";
import type { AnyMap, AnyTable, Node, Setting } from "./setting.ts";

/** Why a key that other variants have is not there; undefined when none has it. */
export type WhyAbsent = (segments: readonly string[]) => string | undefined;

export type Reading = { value: Json | undefined; problems: Problem[] };

/** The value in canonical form; tables and maps that set nothing are left out. */
export function readNode(node: Node, value: unknown, segments: readonly string[], whyAbsent: WhyAbsent): Reading {
  if (node.kind === "setting") return readLeaf(node, value, segments);
  if (!isTable(value)) {
    const key = joinKey(segments);
    return { value: undefined, problems: [{ key, message: `${key} must be a table of settings, not ${show(value)}` }] };
  }
  const problems: Problem[] = [];
  const entries: [string, Json][] = [];
  for (const [name, inner] of Object.entries(value)) {
    const place = [...segments, name];
    const child = childOf(node, name);
    if (child === undefined) {
      problems.push(node.kind === "map" ? badName(node, place) : unknownName(node, place, whyAbsent));
      continue;
    }
    const reading = readNode(child, inner, place, whyAbsent);
    problems.push(...reading.problems);
    if (reading.value !== undefined) entries.push([name, reading.value]);
  }
  return { value: entries.length === 0 ? undefined : Object.fromEntries(entries), problems };
}

/** What a name below `node` stands for; undefined when it may not be there. */
export function childOf(node: Node, name: string): Node | undefined {
  if (node.kind === "map") return node.name.safeParse(name).success ? node.entry : undefined;
  if (node.kind === "table") return Object.hasOwn(node.children, name) ? node.children[name] : undefined;
  return undefined;
}

function readLeaf(setting: Setting, value: unknown, segments: readonly string[]): Reading {
  const result = setting.type.safeParse(value, { reportInput: true });
  return result.success
    ? { value: result.data, problems: [] }
    : { value: undefined, problems: complaints(segments, result.error, setting) };
}

function badName(node: AnyMap, place: readonly string[]): Problem {
  const name = place.at(-1) ?? "";
  const words = node.name.description ?? "a name";
  return { key: joinKey(place), message: `${joinKey(place)} is badly named: ${show(name)} must be ${words}` };
}

function unknownName(node: AnyTable, place: readonly string[], whyAbsent: WhyAbsent): Problem {
  const key = joinKey(place);
  const why = whyAbsent(place);
  if (why !== undefined) return { key, message: `${key} ${why}` };
  const suggestion = nearest(place.at(-1) ?? "", Object.keys(node.children));
  return { key, message: `${key} is no setting`, ...(suggestion === undefined ? {} : { suggestion }) };
}

function isTable(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Literal);
}
