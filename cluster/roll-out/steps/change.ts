/** The changes of a Node that several steps make: giving it back, and how long it is then left alone. */
import type { FleetNode, Tries } from "../snapshot.ts";
import type { Survey } from "../survey.ts";
import type { EventReason, NodeChange, Write } from "../write.ts";

const dayMs = 86_400_000;

export function nodeWrite(node: FleetNode, change: NodeChange, reason: EventReason, note: string): Write {
  return { kind: "node", node, change, reason, note };
}

/** Whatever we took from a node: its being schedulable, and its place in load balancers. A person's cordon stays. */
export function restored(node: FleetNode): NodeChange {
  return {
    ...(node.cordon === "ours" ? { cordon: false } : {}),
    ...(node.marks.excluded ? { offLoadBalancers: false, marks: { excluded: false } } : {}),
  };
}

/** Back at rest under this claim, for good: its token is used up. */
export function atRest(node: FleetNode): NodeChange {
  const { marks, ...change } = restored(node);
  return {
    ...change,
    ...(node.order === undefined ? {} : { order: null }),
    marks: { ...marks, step: "Idle", over: node.marks.claim, since: undefined, aim: undefined, policy: undefined },
  };
}

/** Ends the work on a node that may do without: nothing was wrong with it. */
export function giveBack(node: FleetNode, why: string): Write {
  return nodeWrite(node, atRest(node), "GivenBack", `given back: ${why}`);
}

/** Ends it because it did not work, and leaves the node alone for a while that doubles each time. */
export function giveUp({ snapshot, now }: Survey, node: FleetNode, attempt: "drains" | "reboots", why: string): Write {
  const tries = countedTry(node, attempt, why, now, snapshot.policy.spec.drain.retryAfter);
  const change = atRest(node);
  const note = `given back, and tried again at ${tries.after.toISOString()}: ${why}`;
  return nodeWrite(node, { ...change, marks: { ...change.marks, tries } }, "GivenBack", note);
}

function countedTry(node: FleetNode, attempt: "drains" | "reboots", reason: string, now: Date, retryMs: number): Tries {
  const version = node.marks.aim?.version ?? "";
  const before = node.marks.tries?.version === version ? node.marks.tries : { drains: 0, reboots: 0 };
  const drains = before.drains + (attempt === "drains" ? 1 : 0);
  const reboots = before.reboots + (attempt === "reboots" ? 1 : 0);
  const waitMs = Math.min(dayMs, retryMs * 2 ** Math.min(10, drains + reboots - 1));
  return { version, drains, reboots, reason, after: new Date(now.getTime() + waitMs) };
}

/**
 * Kubelet and host speak of the same boot, and both say that it is well. A host that has agreed to reboot and has not yet
 * may do so at any time, so that pods stay away until it has, or has taken its word back.
 */
export function isBackAndWell({ report, ready, kubeletBoot }: FleetNode): boolean {
  if (report === undefined || report.onTrial || report.accepted !== undefined) return false;
  return ready && kubeletBoot === report.boot;
}
