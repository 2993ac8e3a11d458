/**
 * What this host does about an order of the fleet's operator, by what it sees itself at that moment.
 *
 * It looks again before anything that cannot be taken back: another controller may have uncordoned the node between
 * drain and reboot. Before it reboots it accepts the order, by compare-and-swap on its Node: whoever gave the node back
 * in between makes that fail, and nobody can give it back after.
 */
import { mayStay, type NodePod } from "../../api/fleet/node-pods.ts";
import type { Order } from "../../api/fleet/order.ts";

/** What the host knows of itself. */
export type HostState = {
  /** `/proc/sys/kernel/random/boot_id`. */
  boot: string;
  version: string;
  onTrial: boolean;
  /** As in its report. */
  staged: string | undefined;
  fallback: string | undefined;
  /** Versions that its repository offers it and that no wave holds. */
  mayTake: readonly string[];
};

/** What the API server says of its Node, asked for this decision and not by a watch. */
export type HostNode = {
  unschedulable: boolean;
  /** The token in `fleet.orlop.dev/claim`. */
  claim: number;
  /** The highest token that is used up, in `fleet.orlop.dev/over`. */
  over: number;
  order: Order | undefined;
  /** The order that its report accepts. */
  accepted: string | undefined;
  pods: readonly NodePod[];
};

export type Obedience =
  /** There is no order for this boot, or it is done: a report accepts nothing, unless the reboot has begun. */
  | { kind: "rest" }
  /** Not, or not yet: the reason goes into the report, which then accepts nothing. */
  | { kind: "refuse"; order: Order; reason: string }
  | { kind: "prepare"; order: Order }
  /** Write the report with `accepted`, on the condition that the Node is still as it was read; then look again. */
  | { kind: "accept"; order: Order }
  /** Activate the version and reboot. */
  | { kind: "reboot"; order: Order };

export function obey(self: HostState, node: HostNode, now: Date): Obedience {
  const { order } = node;
  if (order === undefined || order.boot !== self.boot) return { kind: "rest" };
  const refuse = (reason: string): Obedience => ({ kind: "refuse", order, reason });
  if (self.onTrial) return refuse(`${self.version} has not proved healthy yet`);
  const accepted = node.accepted === order.id;
  if (!accepted && now > order.until) return refuse(`the order is void since ${order.until.toISOString()}`);
  if (order.do === "prepare") return prepare(self, order);
  if (self.version === order.version) return { kind: "rest" };
  const reason = whyNotNow(self, node, order);
  if (reason !== undefined) return refuse(reason);
  return accepted ? { kind: "reboot", order } : { kind: "accept", order };
}

function prepare(self: HostState, order: Order): Obedience {
  if (self.staged === order.version || self.version === order.version) return { kind: "rest" };
  if (self.mayTake.includes(order.version)) return { kind: "prepare", order };
  return { kind: "refuse", order, reason: `its repository does not offer ${order.version} to this host now` };
}

function whyNotNow(self: HostState, node: HostNode, order: Order): string | undefined {
  if (!node.unschedulable) return "the node is not cordoned";
  if (order.claim !== node.claim || node.claim <= node.over) return "the node is not claimed for this order";
  const target = order.do === "go-back" ? self.fallback : self.staged;
  if (target !== order.version) {
    const set = target === undefined ? "nothing that may boot" : target;
    return `${order.version} is ordered, and the other set has ${set}`;
  }
  const left = node.pods.filter((pod) => !mayStay(pod));
  const [first] = left;
  return first === undefined ? undefined : `${left.length} pods are left, such as ${first.namespace}/${first.name}`;
}
