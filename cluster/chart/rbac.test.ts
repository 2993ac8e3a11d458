/** Protects: the operator may do what `docs/fleet.md` lists, and nothing else. */
import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { z } from "zod";

const template = join(import.meta.dir, "orlop-fleet/templates/rbac.yaml");
const role = z.object({
  kind: z.string(),
  rules: z
    .array(
      z.object({
        resources: z.array(z.string()),
        verbs: z.array(z.string()),
        resourceNames: z.array(z.string()).optional(),
      }),
    )
    .default([]),
});

/** What Helm fills in is left out: names, labels, and rules that somebody adds for gates of their own. */
function withoutTemplate(text: string): string {
  return text.replaceAll(/^\s*\{\{-.*\}\}$/gm, "").replaceAll(/\{\{.*?\}\}/g, "filled-in");
}

test("its rights are few: no secrets, no exec, no pod of its own on a node", async () => {
  const documents = parseAllDocuments(withoutTemplate(await readFile(template, "utf8")));
  const roles = documents.map((document) => role.parse(document.toJS())).filter(({ kind }) => kind.endsWith("Role"));
  const rights = roles.flatMap(({ kind, rules }) =>
    rules.map(({ resources, verbs, resourceNames = [] }) => {
      const names = resourceNames.length === 0 ? "" : ` ${resourceNames.join(",")}`;
      return `${kind}: ${resources.join(",")}${names}: ${verbs.join(",")}`;
    }),
  );
  expect(rights).toEqual([
    "ClusterRole: nodes: get,list,watch,patch",
    "ClusterRole: pods: list",
    "ClusterRole: pods/eviction: create",
    "ClusterRole: volumeattachments: list",
    "ClusterRole: fleetpolicies: get,list,watch,patch",
    "ClusterRole: fleetpolicies/status,nodeupdates/status: patch",
    "ClusterRole: nodeupdates: create",
    "Role: events: create",
    "Role: leases: create",
    "Role: leases orlop-fleet: get,patch",
  ]);
});
