/** Protects: the operator may do what `docs/fleet.md` lists, and nothing else. */
import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { z } from "zod";

const templates = join(import.meta.dir, "orlop-fleet/templates");
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

async function rightsIn(template: string): Promise<string[]> {
  const documents = parseAllDocuments(withoutTemplate(await readFile(join(templates, template), "utf8")));
  const roles = documents.map((document) => role.parse(document.toJS())).filter(({ kind }) => kind.endsWith("Role"));
  return roles.flatMap(({ kind, rules }) =>
    rules.map(({ resources, verbs, resourceNames = [] }) => {
      const names = resourceNames.length === 0 ? "" : ` ${resourceNames.join(",")}`;
      return `${kind}: ${resources.join(",")}${names}: ${verbs.join(",")}`;
    }),
  );
}

test("its rights are few: no secrets, no exec, no pod of its own on a node", async () => {
  expect(await rightsIn("rbac.yaml")).toEqual([
    "ClusterRole: nodes: get,list,watch,patch",
    "ClusterRole: pods: list",
    "ClusterRole: pods/eviction: create",
    "ClusterRole: volumeattachments: list",
    "ClusterRole: fleetpolicies: get,list,watch,patch",
    "ClusterRole: fleetpolicies/status,nodeupdates/status: patch",
    "ClusterRole: nodeupdates: create,list",
    "Role: events: create",
    "Role: leases: create",
    "Role: leases orlop-fleet: get,patch",
  ]);
});

test("the page takes no more than asking who somebody is and what they may, and events; its viewer only looks", async () => {
  expect(await rightsIn("console.yaml")).toEqual([
    "ClusterRole: tokenreviews: create",
    "ClusterRole: subjectaccessreviews: create",
    "Role: events: list,watch",
    "ClusterRole: nodes: list",
    "ClusterRole: fleetpolicies: list",
  ]);
});
