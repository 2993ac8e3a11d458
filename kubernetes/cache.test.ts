import { expect, test } from "bun:test";
import { machineClock } from "../lib/clock.ts";
import { Cache } from "./cache.ts";
import { KubernetesClient } from "./client.ts";
import { nodes } from "./objects.ts";

type Answer = (url: URL) => Response | Promise<Response>;

/** An API server that answers each request by the next of `answers`, and the last one for ever. */
function served(answers: readonly Answer[]) {
  const asked: string[] = [];
  const left = [...answers];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch({ url }) {
      const { pathname, searchParams } = new URL(url);
      asked.push(searchParams.has("watch") ? `watch ${searchParams.get("resourceVersion")}` : `list ${pathname}`);
      const answer = left.length > 1 ? left.shift() : left[0];
      return (await answer?.(new URL(url))) ?? new Response("", { status: 500 });
    },
  });
  const failures: unknown[] = [];
  const client = new KubernetesClient({
    server: server.url.href,
    credentials: async () => Promise.resolve({}),
    fetch,
    // Nobody waits before the next attempt.
    clock: { ...machineClock, sleep: async (_ms, signal) => await machineClock.sleep(1, signal) },
  });
  const cache = new Cache(client, nodes, { onFailure: (error) => failures.push(error) });
  const stop = new AbortController();
  const kept = cache.keep(stop.signal);
  kept.catch(() => undefined);
  return {
    client,
    cache,
    asked,
    failures,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await kept.catch(() => undefined);
      await server.stop(true);
    },
  };
}

const node = (name: string, resourceVersion: number, unschedulable = false) => ({
  metadata: { name, resourceVersion: String(resourceVersion), uid: name, managedFields: [{ manager: "kubelet" }] },
  spec: { unschedulable },
});
const list = (resourceVersion: number, ...items: object[]) =>
  Response.json({ metadata: { resourceVersion: String(resourceVersion) }, items });
const line = (type: string, object: object): string => `${JSON.stringify({ type, object })}\n`;

/** A watch that sends `lines` and stays open. */
function open(...lines: string[]): Response {
  return new Response(
    new ReadableStream({
      start(controller) {
        for (const each of lines) controller.enqueue(Buffer.from(each));
      },
    }),
  );
}

type Changing = { changes: number; changedSince(known: number, signal: AbortSignal): Promise<void> };

async function until(cache: Changing, holds: () => boolean): Promise<void> {
  for (const patience = AbortSignal.timeout(10_000); !holds();) await cache.changedSince(cache.changes, patience);
}

test("what is listed and what changes after that is known; what is not used of an object is not kept", async () => {
  await using world = served([
    () => list(10, node("a", 3), node("b", 7)),
    () => open(line("MODIFIED", node("a", 11, true)), line("DELETED", node("b", 12)), line("ADDED", node("c", 13))),
  ]);
  await until(world.cache, () => world.cache.get("c") !== undefined);
  expect([...world.cache.objects.keys()]).toEqual(["a", "c"]);
  expect(world.cache.get("a")?.spec.unschedulable).toBe(true);
  expect(world.cache.get("a")?.metadata).not.toHaveProperty("managedFields");
  expect(world.asked).toEqual(["list /api/v1/nodes", "watch 10"]);
});

test("an object is split over chunks as the network likes", async () => {
  const text = line("ADDED", node("knoten-ä", 11));
  await using world = served([
    () => list(10),
    () =>
      new Response(
        new ReadableStream({
          async start(controller) {
            for (const byte of Buffer.from(text + line("ADDED", node("z", 12))))
              controller.enqueue(Uint8Array.of(byte));
            await Promise.resolve();
          },
        }),
      ),
  ]);
  await until(world.cache, () => world.cache.objects.size === 2);
  expect(world.cache.get("knoten-ä")?.metadata.resourceVersion).toBe("11");
});

test("an older answer to an own write does not take the place of a newer event, nor bring back what was deleted", async () => {
  await using world = served([
    () => list(10, node("a", 3), node("b", 4)),
    () => open(line("MODIFIED", node("a", 15, true)), line("DELETED", node("b", 16))),
  ]);
  await until(world.cache, () => world.cache.get("a")?.spec.unschedulable === true && world.cache.objects.size === 1);
  expect(world.cache.take(nodes.schema.parse(node("a", 14)))).toBe(false);
  expect(world.cache.take(nodes.schema.parse(node("b", 13)))).toBe(false);
  expect(world.cache.get("a")?.metadata.resourceVersion).toBe("15");
  expect(world.cache.get("b")).toBeUndefined();
  expect(world.cache.take(nodes.schema.parse(node("a", 17)))).toBe(true);
  expect(world.cache.take(nodes.schema.parse(node("b", 18)))).toBe(true);
});

test("a watch that ends goes on from the last bookmark, and one of a version long gone begins anew", async () => {
  const gone = line("ERROR", { kind: "Status", code: 410, message: "too old resource version: 20 (90)" });
  await using world = served([
    () => list(10, node("a", 3), node("b", 4)),
    () => new Response(line("BOOKMARK", { kind: "Node", metadata: { resourceVersion: "20" } })),
    () => new Response(gone),
    () => list(90, node("a", 80)),
    () => Response.json({ message: "too old" }, { status: 410 }),
    () => list(95, node("a", 91)),
    () => open(),
  ]);
  await until(world.cache, () => world.cache.get("a")?.metadata.resourceVersion === "91");
  while (world.asked.length < 7) await Bun.sleep(1);
  expect(world.asked.map((each) => each.split(" ").at(0) + (each.startsWith("watch") ? each.slice(5) : ""))).toEqual([
    "list",
    "watch 10",
    "watch 20",
    "list",
    "watch 90",
    "list",
    "watch 95",
  ]);
  expect([...world.cache.objects.keys()]).toEqual(["a"]);
  expect(world.failures).toEqual([]);
});

test("whatever fails is told, and tried again from where it was", async () => {
  await using world = served([
    () => Response.json({ kind: "Status", message: "etcd leader changed" }, { status: 500 }),
    () => list(10, node("a", 3)),
    () => new Response("<html>"),
    () => open(line("MODIFIED", node("a", 11))),
  ]);
  await until(world.cache, () => world.cache.get("a")?.metadata.resourceVersion === "11");
  expect(world.asked).toEqual(["list /api/v1/nodes", "list /api/v1/nodes", "watch 10", "watch 10"]);
  expect(world.failures.map(String)).toEqual([
    expect.stringContaining("cannot list /api/v1/nodes: the cluster answers 500: etcd leader changed"),
  ]);
});

test("a list comes in pages, and a page that has expired is a failure like others", async () => {
  const page = (items: object[], next?: string) =>
    Response.json({ metadata: { resourceVersion: "10", continue: next }, items });
  await using world = served([
    ({ searchParams }) => (expect(searchParams.get("limit")).toBe("500"), page([node("a", 1)], "more")),
    ({ searchParams }) => (expect(searchParams.get("continue")).toBe("more"), page([node("b", 2)])),
    () => open(),
  ]);
  await until(world.cache, () => world.cache.objects.size === 2);
  expect(world.cache.lists).toBe(1);
});

test("writes: done, overtaken, about nothing, and refused in the cluster's words", async () => {
  await using world = served([() => new Promise<Response>(() => undefined)]);
  const { signal } = new AbortController();
  const answers = [
    Response.json(node("a", 5)),
    Response.json({}, { status: 409 }),
    Response.json({}, { status: 404 }),
    Response.json({ kind: "Status", message: 'nodes "a" is forbidden: node "b" is not allowed' }, { status: 403 }),
  ];
  using server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => answers.shift() ?? new Response() });
  const client = new KubernetesClient({ ...world.client.connection, server: server.url.href });
  const patch = async () => await client.patch(nodes, { name: "a" }, { metadata: { resourceVersion: "4" } }, signal);
  expect(await patch()).toMatchObject({ kind: "written", object: { metadata: { resourceVersion: "5" } } });
  expect(await patch()).toEqual({ kind: "conflict" });
  expect(await patch()).toEqual({ kind: "missing" });
  await expect(patch()).rejects.toThrow(
    'cannot write /api/v1/nodes/a: the cluster answers 403: nodes "a" is forbidden: node "b" is not allowed',
  );
});
