/**
 * Settings out of an eksctl ClusterConfig: the `bottlerocket.settings` of one of its node groups, as user data.
 * Source: eksctl's schema, `nodeGroups` and `managedNodeGroups`.
 */
import { stringify } from "smol-toml";
import { LineCounter, parseDocument } from "yaml";
import { z } from "zod";
import { Failure } from "../lib/failure.ts";

const groupSchema = z.looseObject({
  name: z.string().default(""),
  bottlerocket: z.looseObject({ settings: z.record(z.string(), z.unknown()).optional() }).optional(),
});
const configSchema = z.looseObject({
  kind: z.literal("ClusterConfig"),
  nodeGroups: z.array(groupSchema).default([]),
  managedNodeGroups: z.array(groupSchema).default([]),
});

/**
 * The user data of a node group, as TOML.
 *
 * @param group the group's name; may be absent when only one group has settings
 * @throws {Failure<"bad-cluster-config" | "no-such-group">}
 */
export function eksctlUserData(text: string, group?: string): string {
  const { nodeGroups, managedNodeGroups } = read(text);
  const groups = [...nodeGroups, ...managedNodeGroups];
  const having = groups.filter(({ bottlerocket }) => bottlerocket?.settings !== undefined);
  const chosen = group === undefined ? having : groups.filter(({ name }) => name === group);
  const [one, another] = chosen;
  const names = having.map(({ name }) => name).join(", ");
  if (one === undefined) {
    const says = group === undefined ? "no node group has bottlerocket.settings" : `there is no node group ${group}`;
    throw new Failure("no-such-group", `cannot find the settings: ${says}`);
  }
  if (another !== undefined) {
    throw new Failure("no-such-group", `cannot choose a node group: several have bottlerocket.settings`, {
      hint: `choose one with --group: ${names}`,
    });
  }
  const settings = one.bottlerocket?.settings;
  if (settings === undefined) {
    throw new Failure("no-such-group", `cannot find the settings: node group ${one.name} has no bottlerocket.settings`);
  }
  return `${stringify({ settings }).trimEnd()}\n`;
}

function read(text: string): z.infer<typeof configSchema> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [error] = document.errors;
  if (error !== undefined) {
    const { line, col } = lines.linePos(error.pos[0]);
    throw new Failure(
      "bad-cluster-config",
      `cannot read the ClusterConfig: line ${line}, column ${col}: ${error.message}`,
    );
  }
  const parsed = configSchema.safeParse(document.toJS());
  if (parsed.success) return parsed.data;
  throw new Failure("bad-cluster-config", `cannot read the ClusterConfig: ${z.prettifyError(parsed.error)}`);
}
