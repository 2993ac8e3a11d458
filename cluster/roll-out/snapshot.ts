/**
 * What the operator sees of a fleet at a moment: one policy, and the nodes that are its.
 *
 * All of it comes from caches that may be behind, each for itself. What is written on the strength of it carries the
 * `resourceVersion` of the object that it changes, so that nothing is decided twice.
 */
import { z } from "zod";
import { moment, type HostReport } from "../../api/fleet/host-report.ts";
import type { NodePod } from "../../api/fleet/node-pods.ts";
import type { Order } from "../../api/fleet/order.ts";
import type { FleetPolicy } from "../policy/fleet-policy.ts";
import type { GateAnswer } from "../policy/gate.ts";

export const NodeStep = z.enum(["Idle", "Draining", "Rebooting", "Soaking"]);
export type NodeStep = z.output<typeof NodeStep>;

/** What the step of a node is to lead to. */
export const Aim = z.object({ do: z.enum(["reboot-into", "go-back"]), version: z.string(), from: z.string() });
export type Aim = z.output<typeof Aim>;

export const Failed = z.object({ version: z.string(), reason: z.string(), at: moment });

/** What was given up here, and about which version; not tried again before `after`. */
export const Tries = z.object({
  version: z.string(),
  drains: z.int(),
  reboots: z.int(),
  reason: z.string(),
  after: moment,
});

/** What the roll-out goes by: a host's report, without its place in the waves, which only people are shown. */
export type KnownHost = Omit<HostReport, "seed">;

/** What the operator keeps on a Node. */
export type Marks = {
  step: NodeStep;
  /** 0 where there was none. */
  claim: number;
  over: number;
  since: Date | undefined;
  policy: string | undefined;
  aim: Aim | undefined;
  /** It was this operator that took the node out of load balancers. */
  excluded: boolean;
  failed: Failed | undefined;
  tries: Tries | undefined;
};

export type Failed = z.output<typeof Failed>;
export type Tries = z.output<typeof Tries>;

export type FleetNode = {
  name: string;
  uid: string;
  resourceVersion: string;
  createdAt: Date;
  /** `topology.kubernetes.io/zone`; empty where it has none. */
  zone: string;
  /** The policy selects it. Nodes that it no longer selects stay in the snapshot until they are given back. */
  selected: boolean;
  /** The policy's `canarySelector` matches it. */
  canary: boolean;
  ready: boolean;
  /** When `ready` became what it is. */
  readySince: Date;
  /** The boot by which kubelet tells all that: `status.nodeInfo.bootID`. */
  kubeletBoot: string;
  /** Ours when `cordoned` says so and our field manager is still the last that set `spec.unschedulable`. */
  cordon: "none" | "ours" | "another's";
  /** It is being deleted, or an autoscaler has marked it. */
  leaving: boolean;
  /** It carries the taint `fleet.orlop.dev/starting`. */
  starting: boolean;
  /** It has the label that takes nodes out of load balancers. */
  offLoadBalancers: boolean;
  /** Undefined where the host never reported, or what it wrote cannot be read. */
  report: KnownHost | undefined;
  order: Order | undefined;
  marks: Marks;
};

/** What is known of the pods of a node that is drained. */
export type Drain = {
  pods: readonly NodePod[];
  /** Names of the volumes that are still attached. */
  volumes: readonly string[];
  /** The last answers to evictions, by the pod's UID; lost with the process, which then asks again. */
  evictions: ReadonlyMap<string, EvictionAnswer>;
};

export type EvictionAnswer =
  | { kind: "accepted"; at: Date }
  /** `reason` names the PodDisruptionBudget, or what else forbids it; not asked again before `retryAt`. */
  | { kind: "refused"; reason: string; budget: string | undefined; since: Date; retryAt: Date };

export type Snapshot = {
  policy: FleetPolicy;
  /** All that the policy selects, those that carry its marks, and those that it has claims for. */
  nodes: readonly FleetNode[];
  /** By node, for those that are Draining. Without one, nothing is known of its pods yet, and nothing follows. */
  drains: ReadonlyMap<string, Drain>;
  /** By node, for those that are Soaking: an answer for each gate. A gate without an answer does not hold. */
  gates: ReadonlyMap<string, readonly GateAnswer[]>;
  /** UIDs of claimed nodes that no longer exist, as the API server answered when it was asked anew, not by a cache. */
  gone: ReadonlySet<string>;
  /** The node on which the operator itself runs. */
  self: string | undefined;
};
