/** What `decide` wants written. Each write stands alone: any of them may be the last one before a crash. */
import type { NodePod } from "../../api/fleet/node-pods.ts";
import type { Order } from "../../api/fleet/order.ts";
import type { FleetLedger } from "../policy/fleet-policy.ts";
import type { FleetNode, Marks } from "./snapshot.ts";

/** What changes on a Node, in one patch. What is absent stays. */
export type NodeChange = {
  marks?: Partial<Marks>;
  /** `true` cordons and notes that it is ours, `false` uncordons and forgets that. */
  cordon?: boolean;
  /** `null` removes it. */
  order?: Order | null;
  /** Sets or removes the label that takes the node out of load balancers. */
  offLoadBalancers?: boolean;
  /** Removes the taint `fleet.orlop.dev/starting`. */
  started?: true;
};

export type Write =
  /** A patch of a Node with the `resourceVersion` of the snapshot's. `reason` is that of the event, `note` its words. */
  | { kind: "node"; node: FleetNode; change: NodeChange; reason: EventReason; note: string }
  /** The policy's status, with the `resourceVersion` of the snapshot's policy. */
  | { kind: "ledger"; ledger: FleetLedger; reason: EventReason; note: string }
  | { kind: "evict"; node: FleetNode; pod: NodePod }
  /** Adds or removes our finalizer of the policy. */
  | { kind: "finalizer"; present: boolean };

export type EventReason =
  | "Prepare"
  | "Claimed"
  | "Draining"
  | "Rebooting"
  | "Soaking"
  | "Updated"
  | "GivenBack"
  | "Failed"
  | "Halted"
  | "Resumed"
  | "RollingBack"
  | "Repaired"
  | "Released"
  | "Started"
  | "Tidied";
