/** An eksctl ClusterConfig as it is written: its node groups, and where each key stands. */
import { isMap, isPair, isScalar, isSeq, parseDocument, type Node } from "yaml";
import { z } from "zod";
import { Failure } from "../../lib/failure.ts";
import { placeOf, positionsIn, type Places, type Position } from "../../lib/text/places.ts";

export type KeyPath = readonly (string | number)[];

/** eksctl reads a null as what is not set. */
const optional = <T extends z.ZodType>(type: T) => z.preprocess((value) => value ?? undefined, type.optional());

const taint = z.strictObject({ key: z.string(), value: z.string().default(""), effect: z.string() });
const nodeGroup = z.looseObject({
  name: z.string(),
  amiFamily: optional(z.string()),
  labels: optional(z.record(z.string(), z.string())),
  /** "value:effect" by key, or a list. */
  taints: optional(z.union([z.array(taint), z.record(z.string(), z.string())])),
  maxPodsPerNode: optional(z.number().int()),
  clusterDNS: optional(z.string()),
  ssh: optional(
    z.looseObject({
      allow: optional(z.boolean()),
      publicKey: optional(z.string()),
      publicKeyPath: optional(z.string()),
      publicKeyName: optional(z.string()),
    }),
  ),
  bottlerocket: optional(
    z.looseObject({
      enableAdminContainer: optional(z.boolean()),
      settings: optional(z.record(z.string(), z.unknown())),
    }),
  ),
});
const clusterConfig = z.looseObject({
  apiVersion: optional(z.string()),
  kind: z.literal("ClusterConfig"),
  metadata: optional(z.looseObject({ name: optional(z.string()) })),
  nodeGroups: optional(z.array(nodeGroup)),
  managedNodeGroups: optional(z.array(nodeGroup)),
});

export type NodeGroup = z.infer<typeof nodeGroup>;
export type GroupKind = "nodeGroups" | "managedNodeGroups";
export type FoundGroup = { kind: GroupKind; at: number; group: NodeGroup };

export type ClusterConfig = {
  content: z.infer<typeof clusterConfig>;
  groups: FoundGroup[];
  /** Where a key stands; of one that is not there, or merged from elsewhere, what holds it. */
  placeOf: (path: KeyPath) => Position;
};

/** @throws {Failure<"bad-cluster-config">} */
export function readClusterConfig(text: string): ClusterConfig {
  const document = parseDocument(text, { prettyErrors: false, merge: true });
  const positionAt = positionsIn(text);
  const [error] = document.errors;
  if (error !== undefined) throw unreadable(positionAt(error.pos[0]), error.message);
  const places = placesIn(document.contents, positionAt);
  const parsed = clusterConfig.safeParse(document.toJS());
  if (!parsed.success) throw refused(parsed.error, places);
  const content = parsed.data;
  const groups = (["nodeGroups", "managedNodeGroups"] as const).flatMap((kind) =>
    (content[kind] ?? []).map((group, at) => ({ kind, at, group })),
  );
  return { content, groups, placeOf: (path) => placeOf(places, path, "name") };
}

function placesIn(node: Node | null, positionAt: (offset: number) => Position, name?: Position): Places {
  const inner = new Map<string, Places>();
  if (isSeq<Node>(node)) node.items.forEach((item, at) => inner.set(String(at), placesIn(item, positionAt)));
  if (isMap<Node, Node | null>(node)) {
    for (const { key, value } of node.items.filter(isPair<Node, Node | null>)) {
      const at = positionAt(key.range?.[0] ?? 0);
      inner.set(String(isScalar(key) ? key.value : key), placesIn(value, positionAt, at));
    }
  }
  return { name, value: positionAt(node?.range?.[0] ?? 0), inner };
}

function refused({ issues: [issue] }: z.ZodError, places: Places): Failure {
  const path = (issue?.path ?? []).map((step) => (typeof step === "symbol" ? step.toString() : step));
  const key = path.length === 0 ? "" : `${pathText(path)}: `;
  return unreadable(placeOf(places, path, "name"), `${key}${issue?.message ?? "bad content"}`);
}

function unreadable({ line, column }: Position, reason: string): Failure<"bad-cluster-config"> {
  return new Failure("bad-cluster-config", `cannot read the ClusterConfig: line ${line}, column ${column}: ${reason}`);
}

/** "nodeGroups[0].ssh.allow" */
export function pathText(path: KeyPath): string {
  return path.reduce<string>(
    (text, part) => (typeof part === "number" ? `${text}[${part}]` : text === "" ? part : `${text}.${part}`),
    "",
  );
}
