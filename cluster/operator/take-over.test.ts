/**
 * Protects: an operator that takes over a large fleet in the middle of its work begins to write at once, whatever it still
 * has to ask.
 */
import { afterEach, expect, test } from "bun:test";
import { annotations, labels } from "../../api/fleet/annotations.ts";
import { KubernetesClient } from "../../kubernetes/client.ts";
import { machineClock } from "../../lib/clock.ts";
import { eventually } from "../../test/eventually.ts";
import { fieldManager } from "./fleet-nodes.ts";
import { Operator } from "./operator.ts";
import { finalizer } from "./policy-object.ts";

const draining = 300;
/** A busy computer takes ten times as long as a quiet one. */
const limitMs = 120_000;
const now = new Date().toISOString();

const report = (own: object) =>
  JSON.stringify({
    boot: "b",
    version: "1.0.0",
    variant: "dev",
    arch: "x86_64",
    seed: 1,
    state: "Staged",
    offers: [{ version: "1.1.0" }],
    staged: "1.1.0",
    onTrial: false,
    held: [],
    ...own,
  });

/** As an API server sends it, cordoned by us. */
function node(name: string, index: number, step: string | undefined, marks: Record<string, string>, own: object = {}) {
  return {
    metadata: {
      name,
      uid: `uid-${name}`,
      resourceVersion: String(10 + index),
      creationTimestamp: "2026-11-01T00:00:00Z",
      labels: step === undefined ? {} : { [labels.step]: step },
      annotations: { [annotations.report]: report(own), [annotations.cordoned]: "ours", ...marks },
      managedFields: [{ manager: fieldManager, fieldsV1: { "f:spec": { "f:unschedulable": {} } } }],
    },
    spec: { unschedulable: true },
    status: {
      conditions: [{ type: "Ready", status: "True", lastTransitionTime: "2026-11-01T00:00:00Z" }],
      nodeInfo: { bootID: "b" },
    },
  };
}

const aim = JSON.stringify({ do: "reboot-into", version: "1.1.0", from: "1.0.0" });
const underWork = (token: number) => ({
  [annotations.claim]: String(token),
  [annotations.since]: now,
  [annotations.policy]: "uid-all",
  [annotations.aim]: aim,
});
const drainingNodes = Array.from({ length: draining }, (_, index) =>
  node(`draining-${index}`, index, "Draining", underWork(index + 1)),
);
const soakingNode = node("soaking", 400, "Soaking", underWork(400), { version: "1.1.0" });
/** Nothing keeps it from being uncordoned, and nobody need be asked. */
const forgottenNode = node("forgotten", 401, undefined, {});
const fleet = [...drainingNodes, soakingNode, forgottenNode];
const claims = [...drainingNodes, soakingNode].map(({ metadata: { name, uid, annotations: texts } }) => ({
  node: name,
  uid,
  token: Number(texts[annotations.claim as keyof typeof texts]),
  since: now,
  version: "1.1.0",
}));
const policy = {
  metadata: { name: "all", uid: "uid-all", resourceVersion: "5", finalizers: [finalizer] },
  spec: { maxUnavailable: 400, soak: { gates: [{ name: "shop", http: { url: "http://shop/" } }] } },
  status: { nextToken: 500, claims },
};

/** An API server of that fleet. */
function startServer(podsOf: () => Promise<object[]>, written: Promise<void>) {
  const asked: string[] = [];
  const atOnce = { pods: 0, mostPods: 0 };
  const list = (items: object[]) => Response.json({ metadata: { resourceVersion: "1000" }, items });
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    async fetch({ method, url }) {
      const { pathname, searchParams } = new URL(url);
      const kind = pathname.split("/").at(pathname.endsWith("/status") ? -3 : -1) ?? "";
      if (pathname === "/version") return Response.json({ major: "1", minor: "20" });
      if (searchParams.has("watch")) return new Response(new ReadableStream());
      if (method === "PATCH" && pathname.startsWith("/api/v1/nodes/")) {
        asked.push(`writes ${kind}`);
        await written;
        return Response.json({}, { status: 409 });
      }
      if (method !== "GET") return Response.json({ metadata: { name: "written", resourceVersion: "1001" } });
      if (pathname.includes("/leases/")) return new Response("", { status: 404 });
      const known = fleet.find(({ metadata }) => pathname === `/api/v1/nodes/${metadata.name}`);
      if (known !== undefined) return Response.json(known);
      if (kind === "nodes") return list(fleet);
      if (kind === "fleetpolicies") return list([policy]);
      if (kind !== "pods") return list([]);
      asked.push("pods");
      atOnce.mostPods = Math.max(atOnce.mostPods, ++atOnce.pods);
      const items = await podsOf();
      atOnce.pods--;
      return list(items);
    },
  });
  return { asked, atOnce, server };
}

let running: AsyncDisposable | undefined;
afterEach(async () => {
  await running?.[Symbol.asyncDispose]();
  running = undefined;
});

/** @param written when the first write of a Node is answered */
function takeOver(podsOf: () => Promise<object[]>, written = Promise.resolve()) {
  const { server, asked, atOnce } = startServer(podsOf, written);
  const logged: string[] = [];
  const stop = new AbortController();
  const client = new KubernetesClient({
    server: server.url.href,
    credentials: async () => await Promise.resolve({}),
    fetch,
    clock: machineClock,
  });
  const never = async (_url: unknown, init?: RequestInit): Promise<Response> =>
    await new Promise((_resolve, reject) =>
      init?.signal?.addEventListener("abort", () => reject(new Error("aborted"))),
    );
  const operator = new Operator({
    client,
    fetch: never,
    identity: "new",
    namespace: "default",
    self: undefined,
    log: (message) => void logged.push(message),
  });
  const run = operator.run(stop.signal).catch(() => undefined);
  running = {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await server.stop(true);
      await run;
    },
  };
  return { asked, atOnce, logged };
}

test(
  "it writes though nobody tells it of the pods of 300 nodes, and no gate answers",
  async () => {
    const { asked, atOnce } = takeOver(async () => await new Promise<never>(() => undefined));
    await eventually(() => expect(asked).toContain("writes forgotten"), limitMs);
    expect(atOnce.mostPods).toBeLessThanOrEqual(8);
  },
  limitMs,
);

test(
  "it goes on with the first nodes before it has looked at all of them",
  async () => {
    const { asked, logged } = takeOver(async () => await Promise.resolve([]));
    await eventually(
      () => expect(new Set(asked.filter((each) => each.startsWith("writes draining"))).size).toBe(draining),
      limitMs,
    );
    const looksBefore = asked.slice(
      0,
      asked.findIndex((each) => each.startsWith("writes draining")),
    );
    // Two looks at 48 each: the first may be over only when the second has begun.
    expect(looksBefore.filter((each) => each === "pods").length).toBeLessThanOrEqual(96);
    expect(logged).toEqual([]);
  },
  limitMs,
);

test(
  "it asks once about each node that has no pods left, however long its writes take",
  async () => {
    const written = Promise.withResolvers<void>();
    const { asked } = takeOver(async () => await Promise.resolve([]), written.promise);
    const looks = (): number => asked.filter((each) => each === "pods").length;
    await eventually(() => expect(looks()).toBeGreaterThanOrEqual(draining), limitMs);
    // Longer than what is known of other nodes is good.
    await Bun.sleep(4_000);
    expect(looks()).toBe(draining);
    written.resolve();
  },
  limitMs,
);
