/** A roll-out as a whole, for people: its conditions, its counts, and whether it goes on. */
import type { FleetPolicy } from "../policy/fleet-policy.ts";
import { exampleOf, paceOf, resumeCommand, type RollOutPace } from "./pace.ts";
import { Roster } from "./roster.ts";
import type { Snapshot } from "./snapshot.ts";
import { standings, type NodeStanding } from "./standing.ts";
import { survey, type Survey } from "./survey.ts";
import { sentence, type Cause } from "./wait.ts";

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

export type Portrait = {
  conditions: Condition[];
  counts: Counts;
  pace: RollOutPace;
  budget: number;
  standings: readonly NodeStanding[];
};

/** What a policy's status tells people. */
export function portrait(snapshot: Snapshot, now: Date): Portrait {
  const roster = new Roster(snapshot.nodes, snapshot.self);
  const everyone = standings(snapshot, now, roster);
  const all = everyone.filter(({ node }) => node.selected);
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
  const conditions = [progressing(seen, all), halted(snapshot.policy), windowOpen(seen), upToDate(counts)];
  return { counts, conditions, pace: paceOf(seen, all), budget: seen.budget, standings: everyone };
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
  const example = exampleOf(all);
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
  const message = `${halt.node} failed with ${halt.version}: ${halt.reason}; \`${resumeCommand(name, halt.id)}\` lets it go on`;
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
