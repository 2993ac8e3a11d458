/**
 * Protects: what a node waits for while it is drained and while it soaks, against a real API server: its load balancers, its
 * volumes, and each kind of gate, in words; a soak that fails goes back to the version before, and nothing else is touched;
 * the operator's own node comes last, with the operator on it.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { labels, staysLabel } from "../../../api/fleet/annotations.ts";
import { nodeUpdates } from "../../../cluster/operator/policy-object.ts";
import { KubernetesClient } from "../../../kubernetes/client.ts";
import { kubeconfigConnection } from "../../../kubernetes/kubeconfig.ts";
import { nodes, pods } from "../../../kubernetes/objects.ts";
import { type ControlPlane, startControlPlane } from "../../../vm/cluster/control-plane.ts";
import { eventually } from "../../eventually.ts";
import { FakeFleet } from "../../worlds/cluster/fake-fleet.ts";
import { type OperatorProcess, startOperator } from "../../worlds/cluster/operator-process.ts";

const compileMs = 45 * 60_000;
const longMs = 300_000;
/** For what people see of what follows by itself. */
const stepMs = 50_000;
const { signal } = new AbortController();
/** Where the operator runs. By its name it would be the first. */
const self = "node-0000";
const first = "node-0002";
/** Where the version is bad for workloads. */
const failing = "node-0001";
let cluster: ControlPlane;
let client: KubernetesClient;
let fleet: FakeFleet;
let operator: OperatorProcess;

/** Applications and a Prometheus, as one server. */
const world = { shop: 503, errors: "0", cart: 500 };
const applications = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/shop/node-0002") return new Response("", { status: world.shop });
    if (pathname === "/cart") return new Response("", { status: world.cart });
    if (pathname.startsWith("/shop/")) return new Response("");
    if (pathname !== "/api/v1/query" || searchParams.get("query") !== "errors < bool 5") {
      return Response.json({ status: "error", errorType: "bad_data", error: "unknown" }, { status: 400 });
    }
    const result = [{ metric: { job: "shop" }, value: [1_764_590_400, world.errors] }];
    return Response.json({ status: "success", data: { resultType: "vector", result } });
  },
});

beforeAll(async () => {
  cluster = await startControlPlane({
    directory: join(import.meta.dir, "../../../build/test/fleet-gates"),
    kubeletPort: async () => Promise.resolve(undefined),
    // Nodes have no heartbeat, and nobody detaches their volumes but the test.
    withoutControllers: ["nodelifecycle", "attachdetach"],
    signal,
  });
  client = new KubernetesClient(await kubeconfigConnection(cluster.kubeconfig));
  await cluster.kubectl(["apply", `--filename=${join(import.meta.dir, "../../../cluster/chart/orlop-fleet/crds")}`]);
  fleet = await FakeFleet.start(client, { count: 6, version: "1.0.0" });
  fleet.unready.add("agent");
  await apply(
    { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "freeze", namespace: "default" }, data: { on: "yes" } },
    daemonSet("agent"),
    volumeOf(first),
    podOn(self, "operator", { [staysLabel]: "true" }),
    policy("a", first, {
      loadBalancer: { exclude: true, wait: "4s" },
      soak: { seconds: 1, gates: gatesOfShop },
    }),
    policy("b", failing, {
      soak: { seconds: 1, timeout: "1s", gates: [{ name: "cart", http: { url: `${applications.url.href}cart` } }] },
      onSoakFailure: "rollback",
    }),
  );
  await eventually(async () => expect(await ready("operator")).toBe(true), longMs);
  operator = await startOperator(cluster.kubeconfig, "gates", { node: self });
  await fleet.publish({ version: "1.1.0" });
}, compileMs);
afterAll(async () => {
  await operator?.[Symbol.asyncDispose]();
  await fleet?.[Symbol.asyncDispose]();
  await cluster?.[Symbol.asyncDispose]();
  await applications.stop(true);
});

const gatesOfShop = [
  { name: "shop", http: { url: `${applications.url.href}shop/{node}` } },
  { name: "errors", prometheus: { url: applications.url.href, query: "errors < bool 5" } },
  {
    name: "freeze",
    object: {
      apiVersion: "v1",
      kind: "ConfigMap",
      name: "freeze",
      namespace: "default",
      field: "data.on",
      value: "no",
    },
  },
  { name: "agents", daemonSets: { namespace: "default" } },
];

async function apply(...items: object[]): Promise<void> {
  await cluster.kubectl(["apply", "--filename=-"], {
    stdin: JSON.stringify({ apiVersion: "v1", kind: "List", items }),
  });
}

/** For the nodes of one zone: fake nodes are in "a" and "b" by turns. Its canary goes first. */
const policy = (zone: string, canary: string, spec: object) => ({
  apiVersion: "fleet.orlop.dev/v1alpha1",
  kind: "FleetPolicy",
  metadata: { name: `zone-${zone}` },
  spec: {
    nodeSelector: { "topology.kubernetes.io/zone": zone },
    order: { canarySelector: { "kubernetes.io/hostname": canary } },
    drain: { timeout: "10m" },
    ...spec,
  },
});

function daemonSet(name: string): object {
  const template = {
    metadata: { labels: { app: name } },
    spec: { containers: [{ name: "main", image: "example.com/none:1" }], tolerations: [{ operator: "Exists" }] },
  };
  const spec = { selector: { matchLabels: { app: name } }, template };
  return { apiVersion: "apps/v1", kind: "DaemonSet", metadata: { name, namespace: "default" }, spec };
}

function podOn(nodeName: string, name: string, own: Record<string, string>): object {
  const spec = { nodeName, containers: [{ name: "main", image: "example.com/none:1" }] };
  return { apiVersion: "v1", kind: "Pod", metadata: { name, namespace: "default", labels: own }, spec };
}

function volumeOf(nodeName: string): object {
  const spec = { attacher: "csi.example.com", nodeName, source: { persistentVolumeName: "pv-orders" } };
  return { apiVersion: "storage.k8s.io/v1", kind: "VolumeAttachment", metadata: { name: "orders" }, spec };
}

async function ready(pod: string): Promise<boolean> {
  return (await client.get(pods, { name: pod, namespace: "default" }, signal))?.status.phase === "Running";
}

async function untilSays(node: string, words: string): Promise<void> {
  await eventually(async () => {
    const update = await client.get(nodeUpdates, { name: node }, signal);
    expect(String(update?.status["message"])).toContain(words);
  }, stepMs);
}

async function isOffLoadBalancers(name: string): Promise<boolean> {
  const node = await client.get(nodes, { name }, signal);
  return node?.metadata.labels[labels.excludeFromLoadBalancers] !== undefined;
}

async function conditionOf(zone: string, type: string): Promise<string> {
  const path = `{.status.conditions[?(@.type=="${type}")].message}`;
  return (await cluster.kubectl(["get", "fleetpolicy", `zone-${zone}`, `--output=jsonpath=${path}`])).stdout;
}

test(
  "a node is taken out of load balancers before anything else, then its volumes are waited for by name",
  async () => {
    await untilSays(first, "is taken out of load balancers, until");
    expect(await isOffLoadBalancers(first)).toBe(true);
    await untilSays(first, "waits for volumes to be detached");
    await untilSays(first, "pv-orders");
    expect(fleet.rebootsOf(first)).toBe(0);
    await cluster.kubectl(["delete", "volumeattachment", "orders", "--wait=false"]);
  },
  longMs,
);

test(
  "while it soaks it serves again, and each gate that does not hold is told: HTTP, Prometheus, a field, DaemonSets",
  async () => {
    await untilSays(first, `shop: ${applications.url.href}shop/${first} answers 503`);
    expect(await isOffLoadBalancers(first)).toBe(false);
    world.shop = 200;
    await untilSays(first, 'errors: the query gives 0 for {"job":"shop"}');
    world.errors = "1";
    await untilSays(first, "freeze: data.on of freeze is yes");
    await cluster.kubectl(["patch", "configmap", "freeze", "--type=merge", '--patch={"data":{"on":"no"}}']);
    await untilSays(first, "agents: default/agent-");
    expect(fleet.reboots.filter((name) => name !== failing)).toEqual([first]);
    fleet.unready.clear();
    await untilSays(first, "runs 1.1.0, which is what it is to run");
  },
  longMs,
);

test(
  "the operator's own node comes last, and the operator is not evicted from it",
  async () => {
    await eventually(async () => expect(await conditionOf("a", "UpToDate")).toStartWith("3 of 3"), longMs);
    expect(fleet.reboots.filter((name) => name !== failing)).toEqual([first, "node-0004", self]);
    expect((await client.get(pods, { name: "operator", namespace: "default" }, signal))?.metadata).not.toHaveProperty(
      "deletionTimestamp",
    );
    for (const name of fleet.names) expect(await isOffLoadBalancers(name)).toBe(false);
  },
  longMs,
);

test(
  "a soak that fails halts the fleet, and brings that node back to the version before",
  async () => {
    await eventually(async () => expect(await conditionOf("b", "Halted")).toContain("cart answers 500"), longMs);
    expect(await conditionOf("b", "Halted")).toStartWith(`${failing} failed with 1.1.0: its soak failed after`);
    await eventually(() => expect(fleet.versionOf(failing)).toBe("1.0.0"), longMs);
    await eventually(() => expect(fleet.node(failing)?.spec.unschedulable).toBe(false), longMs);
    await untilSays(failing, "keeps away from 1.1.0, which failed here: its soak failed");
    await untilSays("node-0003", `the roll-out is halted since ${failing} failed with 1.1.0`);
    expect(fleet.reboots.filter((name) => ["node-0003", "node-0005"].includes(name))).toEqual([]);
    const { stdout } = await cluster.kubectl(["get", "events", `--field-selector=involvedObject.name=${failing}`]);
    expect(stdout).toContain("RollingBack");
    expect(fleet.violations).toEqual([]);
  },
  2 * longMs,
);
