/** Protects: who asks for the status of a node hears why it is not ready, and never waits for a cluster that is away. */
import { expect, test } from "bun:test";
import { NodeStatus } from "../../../host/node/node-status.ts";
import { joinedNode } from "../../worlds/host/joined-node.ts";
import { factsOf, settingsOf } from "../../worlds/host/settings.ts";
import { testSystem } from "../../worlds/host/system.ts";

const variant = "metal-k8s-1.20";
const { signal } = new AbortController();
const kubernetes = { ...joinedNode, "hostname-override": "node-1" };

test("a node that waits for its certificate is told with what kubelet says", async () => {
  await using host = await testSystem({ fetch: async () => Promise.resolve(new Response("{}")) });
  host.programs.set("systemctl", () => "activating\n");
  host.programs.set("journalctl", (argv) => {
    const earlier = argv.includes("--boot") ? [] : ["F1125 08:42:57.1 kubelet.go:1 cannot: no network"];
    const lines = [...earlier, "F1126 08:42:57.1 kubelet.go:1 cannot: no memory", "goroutine 1", "main.main()"];
    const wanted = new RegExp(argv.find((word) => word.startsWith("--grep="))?.slice("--grep=".length) ?? "");
    return lines.filter((line) => wanted.test(line)).join("\n");
  });
  const status = new NodeStatus(host.system, factsOf(variant));
  expect(await status.now(settingsOf({ kubernetes }, variant), 1, signal)).toEqual({
    name: "node-1",
    ready: false,
    reasons: [
      "the node node-1 has no certificate of the cluster yet: its request is not made or not approved",
      "kubelet.service is activating; it said: F1126 08:42:57.1 kubelet.go:1 cannot: no memory",
    ],
  });
});

test("a cluster that does not answer is told soon, and its answer once it comes", async () => {
  const answer = Promise.withResolvers<Response>();
  await using host = await testSystem({ fetch: async () => answer.promise });
  host.programs.set("systemctl", () => "active\n");
  const status = new NodeStatus(host.system, factsOf(variant));
  const settings = settingsOf({ kubernetes }, variant);
  expect((await status.now(settings, 1, signal))?.reasons).toEqual(["the cluster has not answered yet"]);
  answer.resolve(new Response("", { status: 401 }));
  expect((await status.now(settings, 1, signal))?.reasons).toEqual([expect.stringContaining("bootstrap-token")]);
});

test("a host that is told no cluster is no node, and one that is alone is ready", async () => {
  await using host = await testSystem();
  const status = new NodeStatus(host.system, factsOf(variant));
  expect(await status.now(settingsOf({}, variant), 1, signal)).toBeUndefined();
  const alone = settingsOf({ kubernetes: { "standalone-mode": true, "hostname-override": "node-1" } }, variant);
  expect(await status.now(alone, 2, signal)).toEqual({ name: "node-1", ready: true, reasons: [] });
});
