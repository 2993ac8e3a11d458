/** The settings of one variant: everything that host, laptop and editor need to know about them. */
import { isJsonObject, type Json, type JsonObject } from "../../lib/text/json.ts";
import { assert, isFailure } from "../../lib/failure.ts";
import type { Written } from "../../lib/text/literal.ts";
import { advised } from "./advice.ts";
import { catalogueOf, type CatalogueEntry } from "../document/catalogue.ts";
import type { Finding } from "./complaint.ts";
import { groups, isGroup, type Settings } from "../groups/group.ts";
import { joinKey, root, splitKey } from "./key.ts";
import { withSuggestion, type Parsed, type Problem } from "./problem.ts";
import { readNode, type Findings } from "./reading.ts";
import type { Secrecy } from "./secrecy.ts";
import { unmet } from "./requirements.ts";
import type { Selection } from "./selection.ts";
import { isAtLeast, type AnyTable, type Minor, type SettingNode, type Nodes } from "./setting.ts";
import { canonicalSegments, complete, leavesOf, nodeAt, treeOf, type SettingsTree } from "./tree.ts";
import { typedValue } from "./typed.ts";

export type { Settings } from "../groups/group.ts";
export type { SettingsTree } from "./tree.ts";
export type { CatalogueEntry } from "../document/catalogue.ts";

export type TreeReading = { value: SettingsTree; problems: Finding[]; warnings: Finding[] };

export type Model = {
  /** Shape and values of a partial tree, without the outer "settings"; the value is in canonical form. */
  parse(tree: Json): Parsed<SettingsTree>;
  /** The same for what a document says, with the places that problems are about. */
  read(tree: Written): TreeReading;
  /** What settings need from others; to be asked about the whole that would be committed. */
  requirements(tree: SettingsTree): Problem[];
  /** What the whole probably means otherwise; no reason to refuse it. */
  advice(tree: SettingsTree, now?: Date): Problem[];
  /** With the defaults of the variant. The tree must be a valid one. */
  complete(tree: SettingsTree): Settings;
  leaves(tree: SettingsTree): Map<string, Json>;
  tree(leaves: ReadonlyMap<string, Json>): SettingsTree;
  /** Whether it is a key of the model or a parent of one. */
  hasPrefix(key: string): boolean;
  /** The key that a setting has in what is kept and answered, whichever of its names was used. */
  canonicalKey(key: string): string;
  /** What of the value of a key only administrators see. */
  secrecy(key: string): Secrecy;
  /** A value that was typed as text, as in `set key=value`; the schema decides what it is. */
  typed(key: string, text: string): Parsed<Json>;
  catalogue: readonly CatalogueEntry[];
  /** The declarations this variant has, and the defaults that it sets itself. */
  declaration: AnyTable;
  defaults: JsonObject;
};

export function modelFor(variant: Selection): Model {
  const minor = variant.orchestrator.minor;
  const chosen = Object.fromEntries(variant.groups.map((name) => [name, groups[name]]));
  const declaration: AnyTable = { kind: "table", doc: "All settings.", children: available(chosen, minor) };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- JSON by its type, but for keys that may be undefined
  const defaults = variant.defaults as JsonObject;
  let catalogue: readonly CatalogueEntry[] | undefined;

  const read = (tree: Written): TreeReading => {
    const to: Findings = { problems: [], warnings: [], whyAbsent: (segments) => absence(variant, segments) };
    const value = readNode(declaration, tree, [root], to);
    return { value: isJsonObject(value) ? value : {}, problems: to.problems, warnings: to.warnings };
  };
  const parse = (tree: Json): Parsed<SettingsTree> => {
    const { value, problems, warnings } = read(tree);
    if (problems.length > 0) return { ok: false, problems: problems.map(({ problem }) => problem) };
    return { ok: true, value, warnings: warnings.map(({ problem }) => problem) };
  };
  const completed = (tree: SettingsTree): Settings => {
    const settings = complete(declaration, [tree, defaults]);
    assert(isJsonObject(settings));
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what the declaration says is what Settings says
    return settings as Settings;
  };

  return {
    read,
    parse,
    requirements: (tree) => unmet(completed(tree), tree, variant),
    advice: (tree, now) => advised(completed(tree), tree, variant, now),
    complete: completed,
    leaves: (tree) => leavesOf(declaration, tree),
    tree: treeOf,
    hasPrefix(key) {
      const segments = segmentsOf(key);
      return segments !== undefined && nodeAt(declaration, segments) !== undefined;
    },
    canonicalKey(key) {
      const segments = segmentsOf(key);
      return segments === undefined ? key : joinKey([root, ...canonicalSegments(declaration, segments)]);
    },
    secrecy(key) {
      const segments = segmentsOf(key);
      const node = segments === undefined ? undefined : nodeAt(declaration, segments);
      // What this version does not know may have been anything.
      return node?.kind === "setting" ? node.type.secrecy : "secret";
    },
    typed(key, text) {
      const segments = segmentsOf(key);
      if (segments === undefined) {
        const guess = `${root}.${key}`;
        const isMeant = nodeAt(declaration, segmentsOf(guess) ?? [""]) !== undefined;
        return {
          ok: false,
          problems: [withSuggestion({ key, message: `${key} is no setting` }, isMeant ? guess : undefined)],
        };
      }
      const node = nodeAt(declaration, segments);
      if (node?.kind === "setting") return typedValue(node, text, [root, ...segments]);
      // A tree with only this key makes the message that an unknown or unfinished key deserves.
      const result = parse(segments.reduceRight<Json>((inner, segment) => ({ [segment]: inner }), text));
      assert(!result.ok, "what is no setting has no value");
      return result;
    },
    get catalogue() {
      return (catalogue ??= catalogueOf(declaration, defaults));
    },
    declaration,
    defaults,
  };
}

/** The segments behind `settings`; undefined for what is no key at all. */
function segmentsOf(key: string): string[] | undefined {
  try {
    const [first, ...rest] = splitKey(key);
    return first === root ? rest : undefined;
  } catch (error) {
    if (isFailure(error, "bad-key")) return undefined;
    throw error;
  }
}

/** What a kubelet of this minor does not know is left out. */
function available(nodes: Nodes, minor: Minor | undefined): Nodes {
  if (minor === undefined) return nodes;
  const fits = (node: SettingNode): boolean =>
    node.kind === "table" || node.since === undefined || isAtLeast(minor, node.since);
  return Object.fromEntries(
    Object.entries(nodes).flatMap(([name, node]): [string, SettingNode][] => {
      if (!fits(node)) return [];
      if (node.kind === "table") return [[name, { ...node, children: available(node.children, minor) }]];
      return [[name, node]];
    }),
  );
}

function absence(variant: Selection, segments: readonly string[]): string | undefined {
  const [, group] = segments;
  if (group === undefined || !isGroup(group)) return undefined;
  if (!variant.groups.includes(group)) return `does not exist in variant ${variant.name}`;
  const node = nodeAt({ kind: "table", doc: "", children: groups }, segments.slice(1));
  return node === undefined || node.kind === "table" || node.since === undefined
    ? undefined
    : `needs Kubernetes ${node.since} or newer; variant ${variant.name} has ${variant.orchestrator.minor ?? "none"}`;
}
