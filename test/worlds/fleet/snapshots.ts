/** Snapshots of fleets that are made up: a fleet of good nodes, and what differs in a case. */
import type { HostReport } from "../../../api/fleet/host-report.ts";
import type { NodePod } from "../../../api/fleet/node-pods.ts";
import { FleetLedger, FleetPolicySpec, type FleetPolicy } from "../../../cluster/policy/fleet-policy.ts";
import { noMarks } from "../../../cluster/roll-out/marks.ts";
import type { Drain, FleetNode, Snapshot } from "../../../cluster/roll-out/snapshot.ts";

export const now = new Date("2026-12-01T12:00:00Z");
export const later = (ms: number): Date => new Date(now.getTime() + ms);
export const minuteMs = 60_000;

/** Runs 1.0.0, has 1.1.0 staged, and nothing holds it. */
export const report: HostReport = {
  boot: "boot-1",
  version: "1.0.0",
  variant: "metal-k8s-1.35",
  arch: "x86_64",
  seed: 0,
  state: "Staged",
  offers: [{ version: "1.1.0", opensAt: undefined, releasedAt: undefined }],
  staged: "1.1.0",
  fallback: undefined,
  onTrial: false,
  held: [],
  accepted: undefined,
  refused: undefined,
  activity: undefined,
  failure: undefined,
};

export function fleetNode(name: string, changes: Partial<FleetNode> = {}): FleetNode {
  return {
    name,
    uid: `uid-${name}`,
    resourceVersion: "1",
    createdAt: new Date("2026-01-01T00:00:00Z"),
    zone: "a",
    selected: true,
    canary: false,
    ready: true,
    readySince: new Date("2026-11-01T00:00:00Z"),
    kubeletBoot: changes.report?.boot ?? "boot-1",
    cordon: "none",
    leaving: false,
    starting: false,
    offLoadBalancers: false,
    report,
    order: undefined,
    marks: noMarks,
    ...changes,
  };
}

/** @param spec as people write it */
export function fleetPolicy(spec: unknown = {}, changes: Partial<FleetPolicy> = {}): FleetPolicy {
  return {
    name: "workers",
    uid: "uid-workers",
    resourceVersion: "1",
    spec: FleetPolicySpec.parse(spec),
    ledger: FleetLedger.parse({}),
    stop: undefined,
    resume: undefined,
    deleting: false,
    finalizer: true,
    ...changes,
  };
}

export function snapshot(nodes: readonly FleetNode[], changes: Partial<Snapshot> = {}): Snapshot {
  return {
    policy: fleetPolicy(),
    nodes,
    drains: new Map(),
    gates: new Map(),
    gone: new Set(),
    self: undefined,
    ...changes,
  };
}

export function nodePod(name: string, changes: Partial<NodePod> = {}): NodePod {
  return {
    namespace: "default",
    name,
    uid: `uid-${name}`,
    phase: "Running",
    owner: { kind: "ReplicaSet", uid: "uid-web" },
    mirror: false,
    stays: false,
    deletedAt: undefined,
    ...changes,
  };
}

export function drainOf(pods: readonly NodePod[] = [], changes: Partial<Drain> = {}): Drain {
  return { pods, volumes: [], evictions: new Map(), ...changes };
}

/** The claim that a node is under, and the node in one of its steps. */
export function atWork(
  name: string,
  step: FleetNode["marks"]["step"],
  changes: Partial<FleetNode> = {},
): { node: FleetNode; policy: FleetPolicy } {
  const node = fleetNode(name, {
    cordon: step === "Soaking" ? "none" : "ours",
    ...changes,
    marks: {
      ...noMarks,
      step,
      claim: 3,
      over: 0,
      since: now,
      policy: "uid-workers",
      aim: { do: "reboot-into", version: "1.1.0", from: "1.0.0" },
      ...changes.marks,
    },
  });
  const claim = { node: name, uid: node.uid, token: node.marks.claim, since: now.toISOString(), version: "1.1.0" };
  return { node, policy: fleetPolicy({}, { ledger: FleetLedger.parse({ nextToken: 4, claims: [claim] }) }) };
}
