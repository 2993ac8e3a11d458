/** Objects of a simulated cluster as they are at first. */
import type { NodePod } from "../../api/fleet/node-pods.ts";
import { FleetLedger, type FleetPolicy, type FleetPolicySpec } from "../policy/fleet-policy.ts";
import { noMarks } from "../roll-out/marks.ts";
import type { FleetNode } from "../roll-out/snapshot.ts";

/** A node that is ready, and whose host has not reported yet. */
export function newNode(
  name: string,
  { zone, createdAt, kubeletBoot }: Pick<FleetNode, "zone" | "createdAt" | "kubeletBoot">,
): FleetNode {
  return {
    name,
    uid: name,
    resourceVersion: "",
    createdAt,
    zone,
    selected: true,
    canary: false,
    ready: true,
    readySince: createdAt,
    kubeletBoot,
    cordon: "none",
    leaving: false,
    starting: false,
    offLoadBalancers: false,
    report: undefined,
    order: undefined,
    marks: noMarks,
  };
}

export function policyOf(spec: FleetPolicySpec): FleetPolicy {
  return {
    name: "simulated",
    uid: "simulated",
    resourceVersion: "",
    spec,
    ledger: FleetLedger.parse({}),
    stop: undefined,
    resume: undefined,
    deleting: false,
    finalizer: true,
  };
}

/** Whatever runs on a node leaves as one pod. */
export function podOf(name: string): NodePod {
  return {
    namespace: "default",
    name: `web-${name}`,
    uid: `web-${name}`,
    phase: "Running",
    owner: undefined,
    mirror: false,
    stays: false,
    deletedAt: undefined,
  };
}
