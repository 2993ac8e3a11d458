import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { freePort } from "../../lib/free-port.ts";
import { nodes } from "../../kubernetes/objects.ts";
import { annotations } from "../../api/fleet/annotations.ts";
import { FleetPolicySpec } from "../policy/fleet-policy.ts";
import type { Snapshot } from "../roll-out/snapshot.ts";
import { fieldManager, nodesOf, Owners } from "./fleet-nodes.ts";
import { serveRoutes } from "./http-server.ts";
import { metricsText } from "./metrics/metrics.ts";
import { UpdateDurations } from "./metrics/update-durations.ts";
import { readPolicy } from "./policy-object.ts";

const now = new Date("2026-12-01T12:00:00Z");

function policy(name: string, spec: unknown = {}, annotated: Record<string, string> = {}) {
  const metadata = {
    name,
    uid: `uid-${name}`,
    resourceVersion: "1",
    labels: {},
    annotations: annotated,
    finalizers: [],
  };
  const read = readPolicy({ metadata, spec, status: undefined });
  if (!("policy" in read)) throw new Error(read.invalid);
  return read.policy;
}

type NodeFacts = { name: string; labels?: Record<string, string>; texts?: Record<string, string>; manager?: string };

/** As an API server sends it. */
function node({ name, labels = {}, texts = {}, manager }: NodeFacts) {
  const report = {
    boot: "b",
    version: "1.0.0",
    variant: "dev",
    arch: "x86_64",
    seed: 1,
    state: "Idle",
    offers: [],
    onTrial: false,
    held: [],
  };
  return nodes.schema.parse({
    metadata: {
      name,
      uid: `uid-${name}`,
      resourceVersion: "5",
      creationTimestamp: "2026-11-01T00:00:00Z",
      labels,
      annotations: { [annotations.report]: JSON.stringify(report), ...texts },
      managedFields: manager === undefined ? [] : [{ manager, fieldsV1: { "f:spec": { "f:unschedulable": {} } } }],
    },
    spec: manager === undefined ? {} : { unschedulable: true },
    status: {
      conditions: [{ type: "Ready", status: "True", lastTransitionTime: "2026-11-01T00:00:00Z" }],
      nodeInfo: { bootID: "b" },
    },
  });
}

const ours = { [annotations.cordoned]: "ours" };

test("a cordon is ours only while nobody else has set it since", () => {
  const all = [
    node({ name: "free" }),
    node({ name: "ours", texts: ours, manager: fieldManager }),
    node({ name: "persons", manager: "kubectl-cordon" }),
    node({ name: "again", texts: ours, manager: "kubectl-cordon" }),
  ];
  const own = policy("web");
  const seen = nodesOf(own, all, new Owners([own]));
  expect(seen.map(({ name, cordon }) => [name, cordon])).toEqual([
    ["free", "none"],
    ["ours", "ours"],
    ["persons", "another's"],
    ["again", "another's"],
  ]);
});

test("a node follows the policy that works on it, else the first by name that selects it", () => {
  const [first, second] = [policy("a", { nodeSelector: { pool: "x" } }), policy("b", { nodeSelector: { pool: "x" } })];
  const owners = new Owners([second, first]);
  expect(owners.ownerOf(node({ name: "new", labels: { pool: "x" } }))?.name).toBe("a");
  const texts = { [annotations.policy]: "uid-b" };
  expect(owners.ownerOf(node({ name: "busy", labels: { pool: "x" }, texts }))?.name).toBe("b");
  expect(owners.ownerOf(node({ name: "other", labels: { pool: "y" } }))).toBeUndefined();
});

test("without a selector, nodes that report are selected, and no others", () => {
  const owners = new Owners([policy("all")]);
  expect(owners.ownerOf(node({ name: "host" }))?.name).toBe("all");
  expect(owners.ownerOf(node({ name: "foreign", texts: { [annotations.report]: "no JSON" } }))).toBeUndefined();
});

test("a policy that cannot be read says why", () => {
  const metadata = { name: "p", uid: "u", resourceVersion: "1", labels: {}, annotations: {}, finalizers: [] };
  const read = readPolicy({ metadata, spec: { windows: [{ cron: "no cron", length: "1h" }] }, status: undefined });
  expect(read).toEqual({ invalid: expect.stringContaining("windows") });
  const broken = readPolicy({ metadata, spec: {}, status: { claims: "lost" } });
  expect(broken).toEqual({ invalid: expect.stringContaining("its status cannot be read") });
});

test("what is served is a table of paths, and an unknown one is answered with those that there are", async () => {
  const port = await freePort();
  await using _server = serveRoutes(
    { "/healthz": () => new Response("ok\n"), "/page": () => new Response("hi") },
    port,
  );
  const answer = async (path: string) => await (await fetch(`http://127.0.0.1:${port}${path}`)).text();
  expect([await answer("/page"), await answer("/?")]).toEqual(["hi", "there are /healthz, /page\n"]);
});

test("metrics are those of the moment, in Prometheus' text format", () => {
  const own = policy("web", {}, { "fleet.orlop.dev/stop": "tonight" });
  const all = [node({ name: "a", labels: { "topology.kubernetes.io/zone": 'z"1' } }), node({ name: "b" })];
  const evictions = new Map([
    [
      "pod",
      { kind: "refused", reason: "no", budget: "web", since: new Date("2026-12-01T11:59:00Z"), retryAt: now },
    ] as const,
  ]);
  const snapshot: Snapshot = {
    policy: own,
    nodes: nodesOf(own, all, new Owners([own])),
    drains: new Map([["a", { pods: [], volumes: [], evictions }]]),
    gates: new Map(),
    gone: new Set(),
    self: undefined,
  };
  const durationsOf = (): UpdateDurations => new UpdateDurations();
  const figures = { isLeading: true, passMs: 12, passes: 3, conflicts: 1, requests: 40, durationsOf };
  const text = metricsText([snapshot], figures, now);
  expect(text).toContain(
    '# TYPE orlop_nodes gauge\norlop_nodes{policy="web",step="Idle",version="1.0.0",zone="z\\"1"} 1\n',
  );
  expect(text).toContain('orlop_fleet_drain_held_seconds{node="a",budget="web"} 60\n');
  expect(text).toContain('orlop_fleet_halted{policy="web"} 0\n');
  expect(text).toContain("# TYPE orlop_fleet_requests_total counter\norlop_fleet_requests_total 40\n");
  for (const line of text.trim().split("\n")) expect(line).toMatch(/^(# (HELP|TYPE) \w+ .+|\w+(\{.*\})? [\d.e+-]+)$/);
});

test("defaults of a policy are the operator's", () => {
  expect(FleetPolicySpec.parse({})).toMatchObject({ maxUnavailable: 1, order: { canaries: 1 } });
});

test("every metric that the dashboard asks for is one that the operator serves", async () => {
  const dashboard = await readFile(join(import.meta.dir, "../chart/orlop-fleet/dashboard.json"), "utf8");
  const asked = new Set([...dashboard.matchAll(/orlop_[a-z_]+/g)].map(([name]) => name.replace(/_bucket$/, "")));
  const durationsOf = (): UpdateDurations => new UpdateDurations();
  const figures = { isLeading: true, passMs: 0, passes: 0, conflicts: 0, requests: 0, durationsOf };
  const served = [...metricsText([], figures, now).matchAll(/^# TYPE (\w+)/gm)].map(([, name]) => name);
  expect(asked.size).toBeGreaterThan(5);
  expect([...asked].filter((name) => !served.includes(name))).toEqual([]);
});
