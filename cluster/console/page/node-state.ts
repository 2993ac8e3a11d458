/** How a node stands, at a glance: what its tile is painted by, and what nodes are counted by. */
import type { Cause } from "../../roll-out/wait.ts";
import type { SentNode } from "../fleet-update.ts";

export const nodeStates = [
  "trouble",
  "draining",
  "rebooting",
  "soaking",
  "preparing",
  "waiting",
  "aside",
  "done",
] as const;
export type NodeState = (typeof nodeStates)[number];

export const stateLabels: Record<NodeState, string> = {
  trouble: "in trouble",
  draining: "draining",
  rebooting: "rebooting",
  soaking: "soaking",
  preparing: "preparing",
  waiting: "waiting",
  aside: "left alone",
  done: "up to date",
};

/** Of nodes at rest; all other causes are waiting. */
const restingStates: Partial<Record<Cause, NodeState>> = {
  "up-to-date": "done",
  failed: "trouble",
  "not-ready": "trouble",
  retry: "trouble",
  cordoned: "aside",
  leaving: "aside",
  "not-selected": "aside",
  forbidden: "aside",
  "not-offered": "aside",
  "no-report": "trouble",
  prepare: "preparing",
  preparing: "preparing",
  next: "preparing",
  "on-trial": "soaking",
};

const workingStates: Readonly<Record<string, NodeState>> = {
  Draining: "draining",
  Rebooting: "rebooting",
  Soaking: "soaking",
};

export function stateOf(node: Pick<SentNode, "step" | "cause" | "blocked">): NodeState {
  const working = workingStates[node.step];
  if (working !== undefined) return node.blocked === undefined ? working : "trouble";
  return restingStates[node.cause] ?? "waiting";
}

export type StateCounts = Record<NodeState, number>;

export function countStates(nodes: Iterable<Pick<SentNode, "step" | "cause" | "blocked">>): StateCounts {
  const counts: StateCounts = {
    trouble: 0,
    draining: 0,
    rebooting: 0,
    soaking: 0,
    preparing: 0,
    waiting: 0,
    aside: 0,
    done: 0,
  };
  for (const node of nodes) counts[stateOf(node)]++;
  return counts;
}

/** "3 draining, 1,200 up to date" */
export function countsText(counts: StateCounts): string {
  const shown = nodeStates.filter((state) => counts[state] > 0);
  return shown.map((state) => `${counts[state].toLocaleString()} ${stateLabels[state]}`).join(", ") || "no nodes";
}
