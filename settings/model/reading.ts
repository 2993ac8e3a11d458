/** Reads a partial tree of settings against the declaration: many problems are found, not only the first. */
import type { Json } from "../../lib/text/json.ts";
import { isWrittenObject, Literal, type Written } from "../../lib/text/literal.ts";
import { nearest } from "../../lib/text/nearest.ts";
import { complaints, type Finding } from "./complaint.ts";
import { joinKey } from "./key.ts";
import { mostProblems, show, withSuggestion, type Problem } from "./problem.ts";
import type { AnyMap, AnyTable, SettingNode, Setting } from "./setting.ts";

/** A list may nest, and every value in it is checked. */
const mostValues = 10_000;

/** What reading a tree collects, and what it needs to know. */
export type Findings = {
  problems: Finding[];
  warnings: Finding[];
  /** Why a key that other variants have is not there; undefined when none has it. */
  whyAbsent: (segments: readonly string[]) => string | undefined;
};

/** The value in canonical form, as far as it is right; tables and maps that set nothing are left out. */
export function readNode(
  node: SettingNode,
  value: Written,
  segments: readonly string[],
  to: Findings,
): Json | undefined {
  if (node.kind === "setting") return readLeaf(node, value, segments, to);
  if (!isWrittenObject(value)) {
    const key = joinKey(segments);
    const problem = { key, message: `${key} must be a table of settings, not ${show(value)}` };
    to.problems.push({ path: segments, about: "value", problem });
    return undefined;
  }
  const entries: [string, Json][] = [];
  for (const [name, inner] of Object.entries(value)) {
    if (to.problems.length >= mostProblems) break;
    const place = [...segments, name];
    const child = childOf(node, name);
    if (child === undefined) {
      const problem = node.kind === "map" ? badName(node, place) : unknownName(node, place, to.whyAbsent);
      to.problems.push({ path: place, about: "name", problem });
      continue;
    }
    const meant = canonicalName(node, name);
    if (meant !== name && Object.hasOwn(value, meant)) {
      const key = joinKey(place);
      const message = `${key} is another name of ${joinKey([...segments, meant])}, which is set too`;
      to.problems.push({ path: place, about: "name", problem: { key, message } });
      continue;
    }
    const read = readNode(child, inner, place, to);
    if (read !== undefined) entries.push([meant, read]);
  }
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

/** What a name below `node` stands for; undefined when it may not be there. */
export function childOf(node: SettingNode, name: string): SettingNode | undefined {
  if (node.kind === "map") return node.name.schema().safeParse(name).success ? node.entry : undefined;
  if (node.kind === "setting") return undefined;
  const meant = canonicalName(node, name);
  return Object.hasOwn(node.children, meant) ? node.children[meant] : undefined;
}

/** The name itself, unless it is another name of a child. */
export function canonicalName(node: SettingNode, name: string): string {
  const { aliases = {} } = node.kind === "table" ? node : {};
  return (Object.hasOwn(aliases, name) ? aliases[name] : undefined) ?? name;
}

function readLeaf(setting: Setting, value: Written, segments: readonly string[], to: Findings): Json | undefined {
  const key = joinKey(segments);
  if (countOf(value) > mostValues) {
    const problem = { key, message: `${key} must hold at most ${mostValues} values` };
    to.problems.push({ path: segments, about: "value", problem });
    return undefined;
  }
  const result = setting.type.schema().safeParse(value, { reportInput: true });
  if (!result.success) {
    const left = mostProblems - to.problems.length;
    to.problems.push(...complaints(segments, result.error, setting.type.secrecy).slice(0, left));
    return undefined;
  }
  if (setting.inert !== undefined) {
    const problem = { key, message: `${key} has no effect: ${setting.inert}` };
    to.warnings.push({ path: segments, about: "name", problem });
  }
  return result.data;
}

/** How many values there are, lists and tables included; counting ends above the limit. */
function countOf(value: Written): number {
  const waiting: Written[] = [value];
  let count = 0;
  for (let next = waiting.pop(); next !== undefined && count <= mostValues; next = waiting.pop()) {
    count++;
    if (typeof next !== "object" || next === null || next instanceof Literal) continue;
    const inner = Array.isArray(next) ? next : Object.values(next);
    if (inner.length > mostValues) return inner.length;
    waiting.push(...inner);
  }
  return count;
}

function badName(node: AnyMap, place: readonly string[]): Problem {
  const key = joinKey(place);
  const name = place.at(-1) ?? "";
  const problem = { key, message: `${key} is badly named: ${show(name)} must be ${node.name.words}` };
  return withSuggestion(problem, nearest(name, node.name.values ?? []));
}

function unknownName(node: AnyTable, place: readonly string[], whyAbsent: Findings["whyAbsent"]): Problem {
  const key = joinKey(place);
  const why = whyAbsent(place);
  if (why !== undefined) return { key, message: `${key} ${why}` };
  return withSuggestion(
    { key, message: `${key} is no setting` },
    nearest(place.at(-1) ?? "", Object.keys(node.children)),
  );
}
