/** Protects: whatever way a fleet is looked at, the picture is the one of `./orlop fleet`, it is stopped by the policy, and doubts are told. */
import { expect, test } from "bun:test";
import { policyAnnotations } from "../../../api/fleet/annotations.ts";
import { machineClock } from "../../../lib/clock.ts";
import { eventually } from "../../../test/eventually.ts";
import { FakeFleet } from "../../../test/worlds/cluster/fake-fleet.ts";
import { MemoryApiServer } from "../../../test/worlds/cluster/memory-api-server.ts";
import { rollingScenario } from "../../../test/worlds/fleet/rolling-fleet.ts";
import { readFleet } from "../../operator/fleet-view.ts";
import { Operator } from "../../operator/operator.ts";
import { fleetPolicies } from "../../operator/policy-object.ts";
import { fleetPicture } from "../../picture/fleet-picture.ts";
import type { FleetUpdate } from "../fleet-update.ts";
import { FleetFeed } from "../fleet-feed.ts";
import { clusterSource } from "./cluster-source.ts";
import { simulationSource } from "./simulation-source.ts";

const limitMs = 60_000;

test("a cluster is watched by the rights of a kubeconfig, with what keeps pods on a node and what happened", async () => {
  await using api = new MemoryApiServer();
  const { client } = api;
  const stop = new AbortController();
  const spec = { nodeSelector: { fleet: "fake" }, soak: { seconds: 1 } };
  const broken = { metadata: { name: "broken" }, spec: { maxUnavailable: "many" } };
  await client.create(fleetPolicies, { name: "web", content: { metadata: { name: "web" }, spec } }, stop.signal);
  await client.create(fleetPolicies, { name: "broken", content: broken }, stop.signal);
  await using fleet = await FakeFleet.start(client, { count: 3, version: "1.0.0" });
  const first = fleet.names[0] ?? "";
  await api.addHeldPod({ name: "web-1", namespace: "shop", node: first, budget: "web" }, stop.signal);
  const options = { client, fetch, identity: "pod", namespace: "default", self: undefined, log: () => undefined };
  const running = new Operator(options).run(stop.signal).catch(() => undefined);
  await fleet.publish({ version: "1.1.0" });

  const source = clusterSource(client);
  const look = source.look(stop.signal);
  await eventually(async () => {
    const { picture, events } = await look.read(stop.signal);
    const node = picture.nodes.find(({ name }) => name === first);
    expect(node?.blocked).toContain("The disruption budget web");
    expect(events.map(({ reason }) => reason)).toContain("Draining");
    const paces = Object.fromEntries(picture.policies.map(({ policy, pace }) => [policy, pace.state]));
    expect(paces).toEqual({ broken: "invalid", web: "going" });
  }, limitMs);
  expect(look.details(first)?.pods?.map(({ name }) => name)).toEqual(["shop/web-1"]);

  await source.stop?.("web", "for the test", undefined, stop.signal);
  const policy = await client.get(fleetPolicies, { name: "web" }, stop.signal);
  expect(policy?.metadata.annotations[policyAnnotations.stop]).toBe("for the test");
  await expect(source.stop?.("nobody", "x", undefined, stop.signal)).rejects.toThrow("there is no such FleetPolicy");
  // At rest, what is watched is what is read.
  await eventually(async () => {
    const { picture, now } = await look.read(stop.signal);
    const { snapshots, invalid } = await readFleet(client, stop.signal);
    expect(picture).toEqual(fleetPicture(snapshots, invalid, now));
    expect(picture.policies.find(({ policy: name }) => name === "web")?.pace.state).toBe("held");
  }, limitMs);

  await api[Symbol.asyncDispose]();
  await eventually(async () => expect((await look.read(stop.signal)).doubt).toBeDefined(), limitMs);
  stop.abort();
  await running;
}, 120_000);

test("a simulated fleet lives while somebody looks, each page gets all of it, and nothing is asked when nobody does", async () => {
  const stop = new AbortController();
  const source = simulationSource(rollingScenario(200), 2_000, machineClock);
  let reads = 0;
  const counted = {
    ...source,
    look: (signal: AbortSignal) => {
      const look = source.look(signal);
      return { ...look, read: async (until: AbortSignal) => (reads++, await look.read(until)) };
    },
  };
  const feed = new FleetFeed(counted, machineClock);
  const [early, late] = [new AbortController(), new AbortController()];
  const seen: FleetUpdate[] = [];
  feed.listen((update) => void seen.push(update), early.signal, stop.signal);
  await eventually(() => expect(seen.some(({ nodes }) => nodes?.put.length === 200)).toBe(true), limitMs);
  await eventually(() => expect(seen.some(({ parts = [] }) => parts.length > 0)).toBe(true), limitMs);
  const first: FleetUpdate[] = [];
  feed.listen((update) => void first.push(update), late.signal, stop.signal);
  expect(first.flatMap(({ nodes }) => nodes?.put ?? [])).toHaveLength(200);
  expect(first.some(({ policies = [] }) => policies.length === 1)).toBe(true);
  expect(feed.details("node-000001")?.name).toBe("node-000001");
  early.abort();
  late.abort();
  await Bun.sleep(1_500);
  const before = reads;
  await Bun.sleep(2_500);
  expect(reads).toBe(before);
  expect(feed.details("node-000001")).toBeUndefined();
}, 120_000);
