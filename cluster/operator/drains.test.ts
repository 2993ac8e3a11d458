import { expect, test } from "bun:test";
import { KubernetesClient } from "../../kubernetes/client.ts";
import { machineClock } from "../../lib/clock.ts";
import { Drains } from "./drains.ts";

const { signal } = new AbortController();
const lookMs = 3_000;

/** As an API server sends it. */
const pod = { metadata: { name: "web", namespace: "default", uid: "u", resourceVersion: "1" }, spec: {}, status: {} };

/** Nodes that drain, of which "busy" has a pod and no other has any; how often was asked for pods of each. */
function drainingNodes() {
  const asked = new Map<string, number>();
  let nowMs = 0;
  const answer = (url: URL): object[] => {
    if (!url.pathname.endsWith("/pods")) return [];
    const [, name = ""] = (url.searchParams.get("fieldSelector") ?? "").split("=");
    asked.set(name, (asked.get(name) ?? 0) + 1);
    return name === "busy" ? [pod] : [];
  };
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: ({ url }) => Response.json({ metadata: { resourceVersion: "1" }, items: answer(new URL(url)) }),
  });
  const client = new KubernetesClient({
    server: server.url.href,
    credentials: async () => await Promise.resolve({}),
    fetch,
    clock: { ...machineClock, elapsedMs: () => nowMs },
  });
  const drains = new Drains(client, "policy/v1");
  return {
    asked: () => Object.fromEntries(asked),
    look: async (names: readonly string[], seenMs: number) =>
      await drains.look({ names, waiting: new Set(names), seenMs }, signal),
    pass: (ms: number) => void (nowMs += ms),
    [Symbol.asyncDispose]: async () => await server.stop(true),
  };
}

test("a node without pods is asked about again only when a pass has seen that and left it waiting", async () => {
  await using nodes = drainingNodes();
  const names = ["busy", "empty"];
  expect(await nodes.look(names, -1)).toBe(true);
  expect(nodes.asked()).toEqual({ busy: 1, empty: 1 });
  nodes.pass(lookMs);
  expect(await nodes.look(names, -1)).toBe(false);
  expect(nodes.asked()).toEqual({ busy: 2, empty: 1 });
  nodes.pass(lookMs - 1);
  await nodes.look(names, 1);
  expect(nodes.asked()).toEqual({ busy: 2, empty: 2 });
});

test("a node that drains once more is asked about at once", async () => {
  await using nodes = drainingNodes();
  await nodes.look(["empty"], -1);
  await nodes.look([], -1);
  expect(await nodes.look(["empty"], -1)).toBe(true);
  expect(nodes.asked()).toEqual({ empty: 2 });
});
