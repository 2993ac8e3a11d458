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
import { decide } from "./decide.ts";
import { noMarks } from "./marks.ts";
import type { FleetNode, Snapshot } from "./snapshot.ts";
import { portrait } from "./portrait.ts";
import { standings } from "./standing.ts";

const reasons = (of: Snapshot, at = now): string[] =>
  decide(of, at).map((write) =>
    write.kind === "node"
      ? `${write.node.name} ${write.reason}`
      : write.kind === "ledger"
        ? `ledger ${write.reason}: ${write.note}`
        : write.kind === "evict"
          ? `evict ${write.pod.name}`
          : `finalizer ${write.present}`,
  );
const sentences = (of: Snapshot, at = now): string[] => standings(of, at).map((each) => each.sentence);
const claimed = (of: Snapshot): string[] =>
  decide(of, now).flatMap((write) => (write.kind === "ledger" ? write.ledger.claims.map(({ node }) => node) : []));
const names = (count: number): FleetNode[] => Array.from({ length: count }, (_, at) => fleetNode(`n${at}`));
const proved = { ...report, version: "1.1.0", offers: [], staged: undefined };

test("the policy gets our finalizer before anything else", () => {
  expect(reasons(snapshot(names(1), { policy: fleetPolicy({}, { finalizer: false }) }))).toEqual(["finalizer true"]);
});

test("canaries go first, one after the other, then as many as the budget has", () => {
  const policy = fleetPolicy({ maxUnavailable: 3, order: { canaries: 2 } });
  expect(claimed(snapshot(names(6), { policy }))).toEqual(["n0"]);
  expect(sentences(snapshot(names(6), { policy }))[1]).toContain("is the next to be claimed");
  const one = [fleetNode("n0", { report: proved }), ...names(6).slice(1)];
  expect(claimed(snapshot(one, { policy }))).toEqual(["n1"]);
  const two = [...one.slice(0, 1), fleetNode("n1", { report: proved }), ...names(6).slice(2)];
  expect(claimed(snapshot(two, { policy }))).toEqual(["n2", "n3", "n4"]);
});

test("all that are away count, and the condition names them", () => {
  const policy = fleetPolicy({ maxUnavailable: "50%", order: { canaries: 0 } });
  const nodes = [fleetNode("n0", { cordon: "another's" }), fleetNode("n1", { ready: false }), ...names(6).slice(2)];
  expect(claimed(snapshot(nodes, { policy }))).toEqual(["n2"]);
  const full = snapshot(nodes, { policy: { ...policy, spec: { ...policy.spec, maxUnavailable: 2 } } });
  expect(claimed(full)).toEqual([]);
  expect(sentences(full)[2]).toBe("waits for a place: 0 of 2 at work and 2 away for other reasons (n0, n1)");
  expect(sentences(full)[0]).toContain("somebody has cordoned it");
});

test("zones follow one another, and the operator's own node comes last", () => {
  const policy = fleetPolicy({ maxUnavailable: 4, order: { canaries: 0, zones: "one-at-a-time" } });
  const nodes = [fleetNode("n0", { zone: "b" }), fleetNode("n1"), fleetNode("n2")];
  expect(claimed(snapshot(nodes, { policy, self: "n1" }))).toEqual(["n2"]);
  const left = [fleetNode("n0", { report: proved }), fleetNode("n1"), fleetNode("n2", { report: proved })];
  expect(claimed(snapshot(left, { policy, self: "n1" }))).toEqual(["n1"]);
});

test("a window, a pause, a stop and a halt keep everything from beginning, in words", () => {
  const nodes = names(1);
  const windows = [{ start: "02:00", length: "1h" }];
  const cases: [Snapshot, string][] = [
    [snapshot(nodes, { policy: fleetPolicy({ windows }) }), "waits for the window that opens 2026-12-02T02:00Z"],
    [snapshot(nodes, { policy: fleetPolicy({ paused: true }) }), "waits: the policy is paused"],
    [snapshot(nodes, { policy: fleetPolicy({}, { stop: "too loud" }) }), "stopped by a person: too loud"],
    [
      snapshot(nodes, {
        policy: fleetPolicy({}, { ledger: FleetLedger.parse({ halted: halt }) }),
      }),
      "is halted since n9 failed with 1.1.0: no network (fleet.orlop.dev/resume=h7 lets it go on)",
    ],
  ];
  for (const [of, words] of cases) {
    expect(claimed(of)).toEqual([]);
    expect(sentences(of)[0]).toContain(words);
  }
});
const halt = { id: "h7", node: "n9", version: "1.1.0", reason: "no network", at: "2026-12-01T11:00:00Z" };

test("a version waits for its wave, its age and the policy, and an older one that is free is taken meanwhile", () => {
  const opensAt = later(minuteMs);
  const wave = fleetNode("n0", {
    report: { ...report, offers: [{ version: "1.1.0", opensAt, releasedAt: undefined }] },
  });
  expect(sentences(snapshot([wave]))).toEqual(["waits for its wave of 1.1.0, which opens 2026-12-01T12:01Z"]);
  const young = { version: "1.2.0", opensAt: undefined, releasedAt: later(-minuteMs) };
  const old = { version: "1.1.0", opensAt: undefined, releasedAt: later(-9 * 86_400_000) };
  const policy = fleetPolicy({ minimumAge: "7d" });
  const both = fleetNode("n0", { report: { ...report, offers: [young, old] } });
  expect(claimed(snapshot([both], { policy }))).toEqual(["n0"]);
  const only = fleetNode("n0", { report: { ...report, offers: [young] } });
  expect(sentences(snapshot([only], { policy }))[0]).toBe(
    "waits until 2026-12-08T11:59Z, when 1.2.0 is as old as the policy asks for",
  );
  const pins = fleetPolicy({ versions: { pin: "1.3.0" } });
  expect(sentences(snapshot(names(1), { policy: pins }))[0]).toBe(
    "runs 1.0.0, and its repository does not offer it 1.3.0",
  );
});

test("what the policy forbids is nothing that a node is to run, and an older version is waited for meanwhile", () => {
  const policy = fleetPolicy({ versions: { forbid: ["1.2.0"] } });
  const bad = { version: "1.2.0", opensAt: undefined, releasedAt: undefined };
  const went = { ...report, offers: [], staged: undefined, held: [{ version: "1.2.0", reason: "not healthy" }] };
  const both = snapshot(
    [fleetNode("n0", { report: { ...report, offers: [bad] } }), fleetNode("n1", { report: went })],
    {
      policy,
    },
  );
  const done = "runs 1.0.0, which is what it is to run: the policy forbids 1.2.0";
  expect(sentences(both)).toEqual([done, done]);
  expect(portrait(both, now).conditions.find(({ type }) => type === "UpToDate")).toMatchObject({ status: "True" });
  const opening = { version: "1.1.0", opensAt: later(minuteMs), releasedAt: undefined };
  const waits = fleetNode("n0", { report: { ...report, offers: [bad, opening] } });
  expect(sentences(snapshot([waits], { policy }))[0]).toContain("waits for its wave of 1.1.0");
  const pinned = fleetPolicy({ versions: { pin: "1.2.0", forbid: ["1.2.0"] } });
  const refused = fleetNode("n0", { report: { ...report, offers: [bad] } });
  expect(sentences(snapshot([refused], { policy: pinned }))[0]).toBe("does not take 1.2.0: the policy forbids it");
});

test("hosts prepare ahead, as many as may download at once", () => {
  const unprepared = Array.from({ length: 4 }, (_, at) =>
    fleetNode(`n${at}`, { report: { ...report, staged: undefined } }),
  );
  const policy = fleetPolicy({ maxPreparing: 2 });
  expect(reasons(snapshot(unprepared, { policy }))).toEqual(["n0 Prepare", "n1 Prepare"]);
  expect(sentences(snapshot(unprepared, { policy }))[3]).toBe("is the next to download 1.1.0");
  const order = {
    id: "p",
    boot: report.boot,
    do: "prepare" as const,
    version: "1.1.0",
    until: later(minuteMs),
    by: "all",
  };
  const downloading = unprepared.map((node, at) => (at < 2 ? { ...node, order } : node));
  const waits = "waits to download 1.1.0: 2 download now, as many as maxPreparing allows";
  expect(sentences(snapshot(downloading, { policy }))).toEqual(["prepares 1.1.0", "prepares 1.1.0", waits, waits]);
});

test("a claimed node is cordoned, marked and taken out of load balancers by one patch", () => {
  const { policy } = atWork("n0", "Idle");
  const spec = { ...policy.spec, loadBalancer: { exclude: true, wait: 30_000 } };
  const [write] = decide(snapshot([fleetNode("n0")], { policy: { ...policy, spec } }), now);
  expect(write).toMatchObject({
    kind: "node",
    reason: "Draining",
    change: { cordon: true, offLoadBalancers: true, marks: { step: "Draining", claim: 3, since: now, excluded: true } },
  });
});

test("a claim whose node is not to begin any more is used up, then released", () => {
  const { policy } = atWork("n0", "Idle");
  const cordoned = fleetNode("n0", { cordon: "another's" });
  expect(decide(snapshot([cordoned], { policy }), now)).toMatchObject([{ change: { marks: { over: 3 } } }]);
  const over = { ...cordoned, marks: { ...noMarks, over: 3 } };
  expect(reasons(snapshot([over], { policy }))).toEqual(["ledger Released: 1 claim is over"]);
  expect(reasons(snapshot([], { policy, gone: new Set(["uid-n0"]) }))).toEqual(["ledger Released: 1 claim is over"]);
  expect(reasons(snapshot([], { policy }))).toEqual([]);
});

test("pods leave one after the other per owner, and a refusal is told by the budget's name", () => {
  const { node, policy } = atWork("n0", "Draining");
  const pods = [
    nodePod("web-1"),
    nodePod("web-2"),
    nodePod("job", { phase: "Succeeded" }),
    nodePod("log", { owner: { kind: "DaemonSet", uid: "ds" } }),
    nodePod("static", { mirror: true }),
    nodePod("operator", { stays: true }),
    nodePod("bare", { owner: undefined }),
  ];
  const of = snapshot([node], { policy, drains: new Map([["n0", drainOf(pods)]]) });
  expect(reasons(of)).toEqual(["evict web-1", "evict bare"]);
  const reason = "The disruption budget web needs 2 healthy pods and has 2 currently";
  const refused = { kind: "refused" as const, reason, budget: "web", since: now, retryAt: later(minuteMs) };
  const held = drainOf(pods.slice(0, 2), {
    evictions: new Map([
      ["uid-web-1", refused],
      ["uid-web-2", refused],
    ]),
  });
  const blocked = snapshot([node], { policy, drains: new Map([["n0", held]]) });
  expect(reasons(blocked)).toEqual([]);
  expect(sentences(blocked)[0]).toBe(`waits for 2 pods to leave, until 2026-12-01T12:30Z: default/web-1: ${reason}`);
  const [giveUp] = decide(blocked, later(31 * minuteMs));
  expect(giveUp).toMatchObject({
    reason: "GivenBack",
    change: { cordon: false, marks: { step: "Idle", over: 3, tries: { drains: 1, after: later(91 * minuteMs) } } },
  });
});

test("a node is ordered to reboot when pods and volumes are gone, not while nothing is known of them", () => {
  const { node, policy } = atWork("n0", "Draining");
  expect(reasons(snapshot([node], { policy }))).toEqual([]);
  const volumes = new Map([["n0", drainOf([], { volumes: ["pv-1"] })]]);
  expect(reasons(snapshot([node], { policy, drains: volumes }))).toEqual([]);
  expect(decide(snapshot([node], { policy, drains: new Map([["n0", drainOf()]]) }), now)).toMatchObject([
    { reason: "Rebooting", change: { order: { do: "reboot-into", boot: "boot-1", version: "1.1.0", claim: 3 } } },
  ]);
});

test("whatever makes the work wrong ends it at once, in the same write as the cordon", () => {
  const cases: [string, Partial<FleetNode>, Partial<ReturnType<typeof fleetPolicy>>][] = [
    ["somebody has uncordoned it", { cordon: "none" }, {}],
    ["an autoscaler takes it away", { leaving: true }, {}],
    ["it is not ready", { ready: false }, {}],
    ["no longer ready for 1.1.0", { report: { ...report, staged: "1.2.0" } }, {}],
    ["stopped by a person", {}, { stop: "no" }],
    ["the policy is being deleted", {}, { deleting: true }],
  ];
  for (const [why, ofNode, ofPolicy] of cases) {
    const { node, policy } = atWork("n0", "Draining", ofNode);
    const [write] = decide(snapshot([node], { policy: { ...policy, ...ofPolicy } }), now);
    expect(write).toMatchObject({ kind: "node", reason: "GivenBack", note: expect.stringContaining(why) });
    expect(write).toMatchObject({ change: { marks: { step: "Idle", over: 3 } } });
  }
});

const order = {
  id: "o",
  boot: "boot-1",
  do: "reboot-into",
  version: "1.1.0",
  until: later(15 * minuteMs),
  by: "workers",
  claim: 3,
} as const;

test("a node gets pods again only when host and kubelet speak of the new boot", () => {
  const back = { ...proved, boot: "boot-2", fallback: "1.0.0" };
  const waiting: [Partial<FleetNode>, string][] = [
    [
      { report: { ...back, onTrial: true }, kubeletBoot: "boot-2" },
      "must prove it by 2026-12-01T12:15Z: its host is at it",
    ],
    [{ report: back, kubeletBoot: "boot-1" }, "kubelet has not reported since the reboot"],
    [{ report: back, kubeletBoot: "boot-2", ready: false }, "the node is not ready"],
    [{ report: { ...report, accepted: "o" } }, "reboots into 1.1.0, and must be back by 2026-12-01T12:15Z"],
  ];
  for (const [changes, words] of waiting) {
    const { node, policy } = atWork("n0", "Rebooting", { order, ...changes });
    expect(decide(snapshot([node], { policy }), now)).toEqual([]);
    expect(sentences(snapshot([node], { policy }))[0]).toContain(words);
  }
  const { node, policy } = atWork("n0", "Rebooting", { order, report: back, kubeletBoot: "boot-2" });
  expect(decide(snapshot([node], { policy }), now)).toMatchObject([
    { reason: "Soaking", change: { cordon: false, order: null, marks: { step: "Soaking", since: now, over: 0 } } },
  ]);
});

test("a host that went back halts the fleet first, then the node is given back with the reason", () => {
  const held = [{ version: "1.1.0", reason: "not healthy after 120 s: containerd.service failed" }];
  const { node, policy } = atWork("n0", "Rebooting", {
    order,
    report: { ...report, boot: "boot-2", held },
    kubeletBoot: "boot-2",
  });
  const [halting] = decide(snapshot([node], { policy }), now);
  expect(halting).toMatchObject({ kind: "ledger", reason: "Halted", ledger: { halted: { id: "h4", node: "n0" } } });
  const ledger = halting?.kind === "ledger" ? halting.ledger : policy.ledger;
  expect(decide(snapshot([node], { policy: { ...policy, ledger } }), now)).toMatchObject([
    { reason: "Failed", change: { cordon: false, marks: { step: "Idle", over: 3, failed: { version: "1.1.0" } } } },
  ]);
});

test("a host that has accepted is waited for, and keeps its cordon and its place when it does not come back", () => {
  const accepted = { ...report, accepted: "o" };
  const { node, policy } = atWork("n0", "Rebooting", { order, report: accepted, ready: false });
  const stopped = { ...policy, stop: "no" };
  expect(decide(snapshot([node], { policy: stopped }), now)).toEqual([]);
  const halted = {
    ...policy,
    ledger: FleetLedger.parse({ ...JSON.parse(JSON.stringify(policy.ledger)), halted: halt }),
  };
  const [write] = decide(snapshot([node], { policy: halted }), later(16 * minuteMs));
  expect(write).toMatchObject({ reason: "Failed", change: { marks: { step: "Idle", over: 3 } } });
  expect(write?.kind === "node" && "cordon" in write.change).toBe(false);
  const left = { ...node, order: undefined, marks: { ...noMarks, claim: 3, over: 3 } };
  expect(decide(snapshot([left], { policy: halted }), now)).toEqual([]);
  const well = { ...left, ready: true, kubeletBoot: "boot-2", report: { ...proved, boot: "boot-2" } };
  expect(reasons(snapshot([well], { policy: halted }))).toEqual(["n0 Repaired"]);
});

test("a host that does not obey in time is given back, with what it says", () => {
  const refused = { order: "o", reason: "2 pods are left, such as default/web-1" };
  const { node, policy } = atWork("n0", "Rebooting", { order, report: { ...report, refused } });
  expect(decide(snapshot([node], { policy }), later(15 * minuteMs))).toMatchObject([
    { reason: "GivenBack", note: expect.stringContaining("2 pods are left"), change: { order: null, cordon: false } },
  ]);
});

test("a soak lasts until gates have held without a break, and its failure brings the node back when asked to", () => {
  const back = { ...proved, boot: "boot-2", fallback: "1.0.0" };
  const { node, policy } = atWork("n0", "Soaking", { report: back, kubeletBoot: "boot-2" });
  const gate = { name: "web", http: { url: "http://web/" } };
  const spec = { ...policy.spec, onSoakFailure: "rollback" as const, soak: { ...policy.spec.soak, gates: [gate] } };
  const answers = (holds: boolean, since: Date) =>
    new Map([["n0", [{ gate: "web", holds, since, reason: "status 503" }]]]);
  const of = (holds: boolean, since = now, ledger = policy.ledger): Snapshot =>
    snapshot([node], { policy: { ...policy, spec, ledger }, gates: answers(holds, since) });
  expect(decide(of(true, later(minuteMs)), later(1.5 * minuteMs))).toEqual([]);
  expect(reasons(of(true, later(minuteMs)), later(2 * minuteMs))).toEqual(["n0 Updated"]);
  expect(sentences(of(false))[0]).toBe(
    "soaks until its gates have held, at the latest 2026-12-01T12:15Z: web: status 503",
  );
  const [halting] = decide(of(false), later(15 * minuteMs));
  expect(halting).toMatchObject({ kind: "ledger", reason: "Halted" });
  const ledger = halting?.kind === "ledger" ? halting.ledger : policy.ledger;
  expect(decide(of(false, now, ledger), later(15 * minuteMs))).toMatchObject([
    {
      reason: "RollingBack",
      change: { cordon: true, marks: { step: "Draining", aim: { do: "go-back", version: "1.0.0", from: "1.1.0" } } },
    },
  ]);
});

test("a soak whose gates hold does not fail by its time-out, however late they were asked", () => {
  const back = { ...proved, boot: "boot-2", fallback: "1.0.0" };
  const { node, policy } = atWork("n0", "Soaking", { report: back, kubeletBoot: "boot-2" });
  const spec = {
    ...policy.spec,
    soak: { ...policy.spec.soak, gates: [{ name: "web", http: { url: "http://web/" } }] },
  };
  const late = later(20 * minuteMs);
  const answered = (gates: Snapshot["gates"]) => snapshot([node], { policy: { ...policy, spec }, gates });
  expect(decide(answered(new Map()), late)).toEqual([]);
  const holding = answered(new Map([["n0", [{ gate: "web", holds: true, since: late, reason: "" }]]]));
  expect(decide(holding, late)).toEqual([]);
  expect(reasons(holding, later(21 * minuteMs))).toEqual(["n0 Updated"]);
});

test("a halt ends when a person names it, and no other", () => {
  const ledger = FleetLedger.parse({ nextToken: 8, halted: halt });
  expect(reasons(snapshot(names(1), { policy: fleetPolicy({}, { ledger, resume: "h3" }) }))).toEqual([]);
  expect(reasons(snapshot(names(1), { policy: fleetPolicy({}, { ledger, resume: "h7" }) }))).toEqual([
    "ledger Resumed: goes on after the halt h7",
  ]);
});

test("work whose claim was lost is given back once the ledger is known to be newer than it", () => {
  const { node, policy } = atWork("n0", "Draining");
  const stale = { ...policy, ledger: FleetLedger.parse({ nextToken: 2 }) };
  const drains = new Map([["n0", drainOf([nodePod("web-1")])]]);
  expect(decide(snapshot([node], { policy: stale, drains }), now)[0]).toMatchObject({
    kind: "ledger",
    ledger: { nextToken: 4 },
  });
  const lost = { ...policy, ledger: FleetLedger.parse({ nextToken: 4 }) };
  expect(reasons(snapshot([node], { policy: lost, drains }))).toEqual(["n0 GivenBack"]);
});

test("a new node is updated before it gets pods, outside of windows too", () => {
  const windows = [{ start: "02:00", length: "1h" }];
  const policy = fleetPolicy({ windows, order: { canaries: 0 } });
  const starting = fleetNode("n1", { starting: true, createdAt: later(-minuteMs) });
  expect(claimed(snapshot([fleetNode("n0"), starting], { policy }))).toEqual(["n1"]);
  expect(reasons(snapshot([{ ...starting, report: proved }], { policy }))).toEqual(["n1 Started"]);
  expect(reasons(snapshot([{ ...starting, createdAt: later(-16 * minuteMs) }], { policy }))).toEqual(["n1 Started"]);
});

test("a policy that is deleted gives back what was begun, and goes when nothing of it is left", () => {
  const { node, policy } = atWork("n0", "Soaking", { report: proved });
  const deleting = { ...policy, deleting: true };
  expect(reasons(snapshot([node], { policy: deleting }))).toEqual(["n0 Updated"]);
  const rests = { ...node, marks: { ...noMarks, over: 3 } };
  expect(reasons(snapshot([rests], { policy: deleting }))).toEqual(["ledger Released: 1 claim is over"]);
  const clean = fleetPolicy({}, { deleting: true });
  expect(reasons(snapshot([rests], { policy: clean }))).toEqual(["finalizer false"]);
});

test("a snapshot in which nothing is to be done gives nothing", () => {
  expect(decide(snapshot([fleetNode("n0", { report: proved })]), now)).toEqual([]);
});
