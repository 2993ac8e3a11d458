/**
 * Protects: our client of the Kubernetes API means what a real API server means, of the oldest minor that nodes may have.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { machineClock } from "../../../lib/clock.ts";
import { Cache } from "../../../kubernetes/cache.ts";
import { KubernetesClient } from "../../../kubernetes/client.ts";
import { evict, evictionVersion, serverMinor, type EvictionVersion } from "../../../kubernetes/eviction.ts";
import { recordEvent } from "../../../kubernetes/events.ts";
import { kubeconfigConnection } from "../../../kubernetes/kubeconfig.ts";
import { Leadership } from "../../../kubernetes/lease.ts";
import { nodes, type NodeObject, pods } from "../../../kubernetes/objects.ts";
import { type ControlPlane, startControlPlane } from "../../../vm/cluster/control-plane.ts";
import { eventually } from "../../eventually.ts";

/** Its programs, where none is in the cache. */
const compileMs = 45 * 60_000;
const { signal } = new AbortController();
let cluster: ControlPlane;
let client: KubernetesClient;
let version: EvictionVersion;

beforeAll(async () => {
  cluster = await startControlPlane({
    directory: join(import.meta.dir, "../../../build/test/kubernetes-client"),
    kubeletPort: async () => Promise.resolve(undefined),
    signal,
  });
  client = new KubernetesClient(await kubeconfigConnection(cluster.kubeconfig));
  version = evictionVersion(await serverMinor(client, signal));
}, compileMs);
afterAll(async () => cluster?.[Symbol.asyncDispose]());

async function apply(...items: object[]): Promise<void> {
  const list = { apiVersion: "v1", kind: "List", items };
  await cluster.kubectl(["apply", "--filename=-"], { stdin: JSON.stringify(list) });
}

const nodeNamed = (name: string) => ({ apiVersion: "v1", kind: "Node", metadata: { name } });

/** A pod that counts as running and ready, as no kubelet is there to say so. */
async function readyPod(name: string, labels: Record<string, string>) {
  const containers = [{ name: "main", image: "example.com/none:1" }];
  const metadata = { name, namespace: "default", labels };
  await apply({
    apiVersion: "v1",
    kind: "Pod",
    metadata,
    spec: { nodeName: "pods", containers, terminationGracePeriodSeconds: 0 },
  });
  const status = { phase: "Running", conditions: [{ type: "Ready", status: "True" }] };
  const written = await client.patch(pods, { name, namespace: "default", subresource: "status" }, { status }, signal);
  if (written.kind !== "written") throw new Error(`cannot make the pod ${name} ready: ${written.kind}`);
  return { name, namespace: "default", uid: written.object.metadata.uid };
}

const budget = (name: string, labels: Record<string, string>, minAvailable: number) => ({
  apiVersion: `policy/${version === "policy/v1" ? "v1" : "v1beta1"}`,
  kind: "PodDisruptionBudget",
  metadata: { name, namespace: "default" },
  spec: { minAvailable, selector: { matchLabels: labels } },
});

function watched(failures: unknown[] = []) {
  const stop = new AbortController();
  const cache = new Cache<NodeObject>(client, nodes, { onFailure: (error) => failures.push(error) });
  const kept = cache.keep(stop.signal).catch(() => undefined);
  return {
    cache,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await kept;
    },
  };
}

test("more nodes than a page has are listed, and changes of them seen", async () => {
  await apply(...Array.from({ length: 620 }, (_, at) => nodeNamed(`many-${at}`)));
  await using world = watched();
  await eventually(() => expect(world.cache.objects.size).toBe(620));
  await cluster.kubectl(["cordon", "many-619"]);
  await eventually(() => expect(world.cache.get("many-619")?.spec.unschedulable).toBe(true));
  await cluster.kubectl(["delete", "node", "many-619"]);
  await eventually(() => expect(world.cache.get("many-619")).toBeUndefined());
});

test("of two writes on what was read once, the second is told that it came late", async () => {
  await apply(nodeNamed("contested"));
  const read = await client.get(nodes, { name: "contested" }, signal);
  const cordon = { metadata: { resourceVersion: read?.metadata.resourceVersion }, spec: { unschedulable: true } };
  expect(await client.patch(nodes, { name: "contested" }, cordon, signal)).toMatchObject({
    kind: "written",
    object: { spec: { unschedulable: true } },
  });
  expect(await client.patch(nodes, { name: "contested" }, cordon, signal)).toEqual({ kind: "conflict" });
  expect(await client.patch(nodes, { name: "nobody" }, cordon, signal)).toEqual({ kind: "missing" });
  expect(await client.get(nodes, { name: "nobody" }, signal)).toBeUndefined();
});

test("an eviction that a budget forbids names the budget, also when it is only asked about", async () => {
  const labels = { app: "web" };
  const pod = await readyPod("web-0", labels);
  await apply(budget("web-budget", labels, 1));
  await eventually(async () => {
    const answer = await evict(client, pod, { version, dryRun: true }, signal);
    // The controller needs a moment to count pods.
    expect(answer).toMatchObject({
      kind: "blocked",
      budget: "web-budget",
      reason: expect.stringContaining("needs 1 healthy pods"),
    });
  });
  expect(await evict(client, pod, { version, dryRun: false }, signal)).toMatchObject({
    kind: "blocked",
    budget: "web-budget",
  });
  await apply(budget("web-budget", labels, 0));
  await eventually(async () => {
    expect(await evict(client, pod, { version, dryRun: false }, signal)).toEqual({ kind: "accepted" });
  });
  await eventually(async () =>
    expect(await evict(client, pod, { version, dryRun: false }, signal)).toEqual({ kind: "gone" }),
  );
});

test("a pod with two budgets is told as what no patience helps", async () => {
  const labels = { app: "twice" };
  const pod = await readyPod("twice-0", labels);
  await apply(budget("first", labels, 0), budget("second", labels, 0));
  await eventually(async () => {
    expect(await evict(client, pod, { version, dryRun: true }, signal)).toMatchObject({
      kind: "impossible",
      reason: expect.stringContaining("more than one PodDisruptionBudget"),
    });
  });
});

test("a pod that came back under its name is not the one to evict", async () => {
  const pod = await readyPod("again-0", { app: "again" });
  const older = { ...pod, uid: "11111111-2222-3333-4444-555555555555" };
  expect((await evict(client, older, { version, dryRun: false }, signal)).kind).toBe("blocked");
  expect((await client.get(pods, { name: "again-0", namespace: "default" }, signal))?.metadata.uid).toBe(pod.uid);
});

test("an event about a node is shown with it", async () => {
  await apply(nodeNamed("told"));
  const about = { apiVersion: "v1", kind: "Node", name: "told", uid: "" };
  await recordEvent(client, { about, type: "Normal", reason: "Draining", message: "its pods are asked to go" }, signal);
  const { stdout } = await cluster.kubectl(["describe", "node", "told"]);
  expect(stdout).toMatch(/Normal +Draining +\S+ +orlop-fleet +its pods are asked to go/);
});

test("a lease has one holder; the next has it as soon as the first gives it up", async () => {
  const lease = { name: "fleet", namespace: "default" };
  const [first, second] = ["first", "second"].map((identity) => new Leadership(client, { ...lease, identity }));
  if (first === undefined || second === undefined) throw new Error("two were made");
  const [stopFirst, stopSecond] = [new AbortController(), new AbortController()];
  const failures: unknown[] = [];
  const onFailure = (error: unknown): void => void failures.push(error);
  const firstKept = first.keep(onFailure, stopFirst.signal);
  await eventually(() => expect(first.isHeld).toBe(true));
  const secondKept = second.keep(onFailure, stopSecond.signal);
  await Bun.sleep(3_000);
  expect(second.isHeld).toBe(false);
  stopFirst.abort();
  await firstKept;
  const gaveUpMs = machineClock.elapsedMs();
  await eventually(() => expect(second.isHeld).toBe(true));
  expect(machineClock.elapsedMs() - gaveUpMs).toBeLessThan(15_000);
  expect(first.isHeld).toBe(false);
  stopSecond.abort();
  await secondKept;
  expect(failures).toEqual([]);
});

test("without its API server a cache keeps what it knows, and goes on with what happens when it is back", async () => {
  await apply(nodeNamed("outlasting"));
  const failures: unknown[] = [];
  await using world = watched(failures);
  await eventually(() => expect(world.cache.get("outlasting")).toBeDefined());
  await cluster.stopApiServer();
  await eventually(() => expect(failures.length).toBeGreaterThan(0), 60_000);
  expect(world.cache.get("outlasting")).toBeDefined();
  await cluster.startApiServer(AbortSignal.timeout(120_000));
  await cluster.kubectl(["cordon", "outlasting"]);
  await eventually(() => expect(world.cache.get("outlasting")?.spec.unschedulable).toBe(true), 90_000);
});
