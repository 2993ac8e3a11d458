/**
 * Where each node of a fleet stands, and why: what NodeUpdates and metrics show, by the same functions that
 * decide what is done.
 */
import { ClaimQueue } from "./claim-queue.ts";
import { drainWait } from "./steps/drain-step.ts";
import { Roster } from "./roster.ts";
import { rebootWait } from "./steps/reboot-step.ts";
import { soakWait } from "./steps/soak-step.ts";
import type { FleetNode, NodeStep, Snapshot } from "./snapshot.ts";
import { survey, type Survey } from "./survey.ts";
import { isWait, readyFor } from "./wanted.ts";
import { sentence, type Cause, type Wait } from "./wait.ts";

export type NodeStanding = {
  node: FleetNode;
  step: NodeStep;
  version: string | undefined;
  /** The version that it is on its way to, or waits for. */
  target: string | undefined;
  cause: Cause;
  wait: Wait;
  /** A sentence whose subject is the node. */
  sentence: string;
};

export function standings(
  snapshot: Snapshot,
  now: Date,
  roster = new Roster(snapshot.nodes, snapshot.self),
): NodeStanding[] {
  const seen = survey(snapshot, now, roster);
  const queue = new ClaimQueue(seen);
  return snapshot.nodes.map((node) => standing(seen, queue, node));
}

/** What each node waits for, without the words. */
export function* waits(snapshot: Snapshot, now: Date, roster: Roster): Iterable<Wait> {
  const seen = survey(snapshot, now, roster);
  const queue = new ClaimQueue(seen);
  for (const node of snapshot.nodes) yield waitOf(seen, queue, node);
}

function standing(seen: Survey, queue: ClaimQueue, node: FleetNode): NodeStanding {
  const wait = waitOf(seen, queue, node);
  const offered = "version" in wait && wait.cause !== "on-trial" ? wait.version : undefined;
  const target = node.marks.aim?.version ?? offered ?? node.report?.offers[0]?.version;
  return {
    node,
    step: node.marks.step,
    version: node.report?.version,
    target: target === node.report?.version ? undefined : target,
    cause: wait.cause,
    wait,
    sentence: sentence(wait),
  };
}

function prepareWait({ barrier, snapshot, roster }: Survey, wanted: Wait & { cause: "prepare" }): Wait {
  if (barrier !== undefined) return barrier;
  const { preparing } = roster;
  return preparing < snapshot.policy.spec.maxPreparing ? wanted : { ...wanted, downloading: preparing };
}

function waitOf(seen: Survey, queue: ClaimQueue, node: FleetNode): Wait {
  const { now, snapshot, claims } = seen;
  switch (node.marks.step) {
    case "Draining": {
      const until = new Date(now.getTime() + snapshot.policy.spec.reboot.timeout);
      return drainWait(seen, node) ?? { cause: "reboot", version: node.marks.aim?.version ?? "", until };
    }
    case "Rebooting":
      return rebootWait(seen, node);
    case "Soaking":
      return soakWait(seen, node) ?? { cause: "up-to-date", version: node.report?.version ?? "" };
    case "Idle": {
      const wanted = readyFor(node, snapshot.policy.spec, now);
      if (isWait(wanted)) return wanted.cause === "prepare" ? prepareWait(seen, wanted) : wanted;
      const { version } = wanted;
      if (claims.has(node.uid)) return { cause: "next", version };
      return queue.holdOf({ node, version }) ?? { cause: "next", version };
    }
  }
}
