/** Reads a partial tree of settings against the declaration: every problem is found, not only the first. */
import type { Json } from "../lib/json.ts";
import { isWrittenObject, type Written } from "../lib/literal.ts";
import { nearest } from "../lib/nearest.ts";
import { complaints, show, type Finding } from "./complaint.ts";
import { joinKey } from "./key.ts";
import { withSuggestion, type Problem } from "./problem.ts";
import type { AnyMap, AnyTable, Node, Setting } from "./setting.ts";

/** Why a key that other variants have is not there; undefined when none has it. */
export type WhyAbsent = (segments: readonly string[]) => string | undefined;

export type Reading = { value: Json | undefined; problems: Finding[]; warnings: Finding[] };

/** The value in canonical form; tables and maps that set nothing are left out. */
export function readNode(node: Node, value: Written, segments: readonly string[], whyAbsent: WhyAbsent): Reading {
  if (node.kind === "setting") return readLeaf(node, value, segments);
  if (!isWrittenObject(value)) {
    const key = joinKey(segments);
    const problem = { key, message: `${key} must be a table of settings, not ${show(value)}` };
    return { value: undefined, problems: [{ path: segments, about: "value", problem }], warnings: [] };
  }
  const problems: Finding[] = [];
  const warnings: Finding[] = [];
  const entries: [string, Json][] = [];
  for (const [name, inner] of Object.entries(value)) {
    const place = [...segments, name];
    const child = childOf(node, name);
    if (child === undefined) {
      const problem = node.kind === "map" ? badName(node, place) : unknownName(node, place, whyAbsent);
      problems.push({ path: place, about: "name", problem });
      continue;
    }
    const reading = readNode(child, inner, place, whyAbsent);
    problems.push(...reading.problems);
    warnings.push(...reading.warnings);
    if (reading.value !== undefined) entries.push([name, reading.value]);
  }
  return { value: entries.length === 0 ? undefined : Object.fromEntries(entries), problems, warnings };
}

/** What a name below `node` stands for; undefined when it may not be there. */
export function childOf(node: Node, name: string): Node | undefined {
  if (node.kind === "map") return node.name.schema().safeParse(name).success ? node.entry : undefined;
  if (node.kind === "table") return Object.hasOwn(node.children, name) ? node.children[name] : undefined;
  return undefined;
}

function readLeaf(setting: Setting, value: Written, segments: readonly string[]): Reading {
  const result = setting.type.schema().safeParse(value, { reportInput: true });
  if (!result.success) {
    return { value: undefined, problems: complaints(segments, result.error, setting), warnings: [] };
  }
  const warnings: Finding[] = [];
  if (setting.inert !== undefined) {
    const key = joinKey(segments);
    const problem = { key, message: `${key} has no effect: ${setting.inert}` };
    warnings.push({ path: segments, about: "name", problem });
  }
  return { value: result.data, problems: [], warnings };
}

function badName(node: AnyMap, place: readonly string[]): Problem {
  const key = joinKey(place);
  const name = place.at(-1) ?? "";
  const problem = { key, message: `${key} is badly named: ${show(name)} must be ${node.name.words}` };
  return withSuggestion(problem, nearest(name, node.name.values ?? []));
}

function unknownName(node: AnyTable, place: readonly string[], whyAbsent: WhyAbsent): Problem {
  const key = joinKey(place);
  const why = whyAbsent(place);
  if (why !== undefined) return { key, message: `${key} ${why}` };
  return withSuggestion(
    { key, message: `${key} is no setting` },
    nearest(place.at(-1) ?? "", Object.keys(node.children)),
  );
}
