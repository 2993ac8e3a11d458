/**
 * Where each node of a fleet stands, and why: what NodeUpdates, conditions and metrics show, by the same functions that
 * decide what is done.
 */
import type { FleetPolicy } from "../policy/fleet-policy.ts";
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
      if (isWait(wanted)) return wanted.cause === "prepare" && seen.barrier !== undefined ? seen.barrier : wanted;
      const { version } = wanted;
      if (claims.has(node.uid)) return { cause: "next", version };
      return queue.holdOf({ node, version }) ?? { cause: "next", version };
    }
  }
}

/** A condition of a FleetPolicy, as `kubectl get fleetpolicies` shows it. */
export type Condition = {
  type: "Progressing" | "Halted" | "WindowOpen" | "UpToDate";
  status: "True" | "False";
  reason: string;
  message: string;
};

export type Counts = {
  nodes: number;
  upToDate: number;
  away: number;
  claimed: number;
  failed: number;
  /** Nodes by what they wait for. */
  waiting: Partial<Record<Cause, number>>;
};

/** What a policy's status tells people. */
export function portrait(snapshot: Snapshot, now: Date): { conditions: Condition[]; counts: Counts } {
  const roster = new Roster(snapshot.nodes, snapshot.self);
  const all = standings(snapshot, now, roster).filter(({ node }) => node.selected);
  const seen = survey(snapshot, now, roster);
  const waiting: Counts["waiting"] = {};
  for (const { cause } of all) waiting[cause] = (waiting[cause] ?? 0) + 1;
  const counts: Counts = {
    nodes: all.length,
    upToDate: waiting["up-to-date"] ?? 0,
    away: seen.away.count,
    claimed: seen.claims.size,
    failed: all.filter(({ node }) => node.marks.failed !== undefined).length,
    waiting,
  };
  return { counts, conditions: [progressing(seen, all), halted(snapshot.policy), windowOpen(seen), upToDate(counts)] };
}

function progressing(seen: Survey, all: readonly NodeStanding[]): Condition {
  const type = "Progressing";
  const { ledger } = seen.snapshot.policy;
  if (ledger.claims.length > 0) {
    const first = all.find(({ node }) => seen.claims.has(node.uid));
    const more = ledger.claims.length === 1 ? "" : `, and ${ledger.claims.length - 1} more`;
    const message = first === undefined ? "nodes that left the fleet" : `${first.node.name} ${first.sentence}${more}`;
    return { type, status: "True", reason: "Claimed", message };
  }
  if (seen.barrier !== undefined) {
    return {
      type,
      status: "False",
      reason: reasonOf(seen.barrier.cause),
      message: `the fleet ${sentence(seen.barrier)}`,
    };
  }
  const rank: readonly Cause[] = [
    "budget",
    "window",
    "canary",
    "cordoned",
    "not-ready",
    "retry",
    "failed",
    "wave",
    "minimum-age",
  ];
  const cause = rank.find((each) => all.some((standing) => standing.cause === each));
  const example = all.find((standing) => standing.cause === cause);
  if (example === undefined)
    return { type, status: "False", reason: "NothingToDo", message: "no node waits for anything" };
  return {
    type,
    status: "False",
    reason: reasonOf(example.cause),
    message: `${example.node.name} ${example.sentence}`,
  };
}

/** "not-ready" as Kubernetes writes reasons: NotReady. */
function reasonOf(cause: Cause): string {
  return cause
    .split("-")
    .map((word) => `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`)
    .join("");
}

function halted({ ledger, name }: FleetPolicy): Condition {
  const halt = ledger.halted;
  if (halt === undefined)
    return { type: "Halted", status: "False", reason: "NoFailure", message: "no node has failed" };
  const command = `kubectl annotate fleetpolicy ${name} --overwrite fleet.orlop.dev/resume=${halt.id}`;
  const message = `${halt.node} failed with ${halt.version}: ${halt.reason}; \`${command}\` lets it go on`;
  return { type: "Halted", status: "True", reason: "NodeFailed", message };
}

function windowOpen({ window }: Survey): Condition {
  const type = "WindowOpen";
  if (window.open) {
    const message =
      window.closesAt === undefined ? "there are no windows" : `it closes ${window.closesAt.toISOString()}`;
    return { type, status: "True", reason: "Open", message };
  }
  const message =
    window.opensAt === undefined ? "none opens any more" : `the next opens ${window.opensAt.toISOString()}`;
  return { type, status: "False", reason: "Shut", message };
}

function upToDate({ nodes, upToDate: done }: Counts): Condition {
  const type = "UpToDate";
  const message = `${done} of ${nodes} nodes run what they are to run`;
  return {
    type,
    status: done === nodes ? "True" : "False",
    reason: done === nodes ? "AllNodes" : "SomeNodes",
    message,
  };
}
