import { expect, test } from "bun:test";
import {
  atWork,
  drainOf,
  fleetNode,
  fleetPolicy,
  later,
  minuteMs,
  nodePod,
  now,
  report,
  snapshot,
} from "../../test/worlds/fleet/snapshots.ts";
import { FleetLedger } from "../policy/fleet-policy.ts";
import { noMarks } from "../roll-out/marks.ts";
import { fleetPicture } from "./fleet-picture.ts";
import { nodeDetails } from "./node-details.ts";

const paceOf = (...changes: Parameters<typeof fleetPolicy>) =>
  fleetPicture([snapshot([fleetNode("a")], { policy: fleetPolicy(...changes) })], [], now).policies[0]?.pace;

test("a picture of a fleet is plain JSON, with a sentence for each policy and node", () => {
  const done = fleetNode("a", { zone: "z", report: { ...report, version: "1.1.0", offers: [], staged: undefined } });
  const stopped = snapshot([done], { policy: fleetPolicy({}, { stop: "tonight" }) });
  const picture = fleetPicture([stopped], [{ name: "b", reason: "bad" }], now);
  expect(JSON.parse(JSON.stringify(picture))).toEqual(picture);
  expect(picture.nodes).toEqual([
    {
      name: "a",
      policy: "workers",
      zone: "z",
      step: "Idle",
      version: "1.1.0",
      cause: "up-to-date",
      sentence: "runs 1.1.0, which is what it is to run",
    },
  ]);
  expect(picture.policies.map(({ policy, pace, stopped: why }) => [policy, pace.state, why])).toEqual([
    ["workers", "held", "tonight"],
    ["b", "invalid", undefined],
  ]);
});

test("a roll-out is going, held, halted or done, each by a sentence, and by a command where one lets it go on", () => {
  expect(paceOf()).toEqual({ state: "going", sentence: "a is the next to be claimed for 1.1.0" });
  expect(paceOf({ paused: true })).toEqual({
    state: "held",
    sentence: "the fleet waits: the policy is paused",
    command: `kubectl patch fleetpolicy workers --type merge --patch '{"spec":{"paused":false}}'`,
  });
  expect(paceOf({}, { stop: "tonight" })).toMatchObject({
    state: "held",
    command: "kubectl annotate fleetpolicy workers fleet.orlop.dev/stop-",
  });
  const halted = { id: "h7", node: "b", version: "1.1.0", reason: "not healthy", at: now.toISOString() };
  expect(paceOf({}, { ledger: FleetLedger.parse({ halted }) })).toEqual({
    state: "halted",
    sentence: "b failed with 1.1.0: not healthy",
    command: "kubectl annotate fleetpolicy workers --overwrite fleet.orlop.dev/resume=h7",
  });
  const cordoned = fleetPicture([snapshot([fleetNode("a", { cordon: "another's" })])], [], now).policies[0]?.pace;
  expect(cordoned).toMatchObject({ state: "held", command: "kubectl uncordon a" });
  const done = fleetNode("a", { report: { ...report, version: "1.1.0", offers: [] } });
  expect(fleetPicture([snapshot([done])], [], now).policies[0]?.pace.state).toBe("done");
});

test("what somebody else has to clear away, and until when it is waited for, is told apart", () => {
  const { node, policy } = atWork("a", "Draining");
  const refusal = "Cannot evict pod as it would violate the pod's disruption budget web";
  const pod = nodePod("web-1");
  const evictions = new Map([
    [pod.uid, { kind: "refused", reason: refusal, budget: "web", since: now, retryAt: now } as const],
  ]);
  const seen = snapshot([node], { policy, drains: new Map([["a", drainOf([pod], { evictions })]]) });
  expect(fleetPicture([seen], [], now).nodes[0]).toMatchObject({
    step: "Draining",
    blocked: refusal,
    until: later(30 * minuteMs).toISOString(),
  });
  expect(nodeDetails([seen], "a")?.pods).toEqual([{ name: "default/web-1", answer: refusal }]);
  expect(nodeDetails([seen], "b")).toBeUndefined();
});

test("waves are counted over the nodes that are here", () => {
  const waiting = (name: string, minutes: number) =>
    fleetNode(name, {
      report: { ...report, offers: [{ version: "1.1.0", opensAt: later(minutes * minuteMs), releasedAt: now }] },
    });
  const done = fleetNode("d", { report: { ...report, version: "1.1.0", offers: [] } });
  const all = snapshot([waiting("a", 10), waiting("b", 5), fleetNode("c"), done]);
  expect(fleetPicture([all], [], now).policies[0]?.waves).toEqual([
    {
      version: "1.1.0",
      nodes: 4,
      runs: 1,
      open: 1,
      opens: [
        { at: later(5 * minuteMs).toISOString(), open: 3 },
        { at: later(10 * minuteMs).toISOString(), open: 4 },
      ],
    },
  ]);
});

test("windows are those that open in the next two weeks, the one that is open now among them", () => {
  const windows = [{ start: "11:00", length: "2h" }];
  const [first, second] =
    fleetPicture([snapshot([], { policy: fleetPolicy({ windows }) })], [], now).policies[0]?.windows ?? [];
  expect([first, second]).toEqual([
    { opensAt: "2026-12-01T11:00:00.000Z", closesAt: "2026-12-01T13:00:00.000Z" },
    { opensAt: "2026-12-02T11:00:00.000Z", closesAt: "2026-12-02T13:00:00.000Z" },
  ]);
});

test("what failed on a node is on its own page", () => {
  const failed = { version: "1.1.0", reason: "not healthy", at: now };
  const details = nodeDetails([snapshot([fleetNode("a", { marks: { ...noMarks, failed } })])], "a");
  expect(details?.failed).toEqual({ ...failed, at: now.toISOString() });
  expect(details?.host?.seed).toBe(0);
});
