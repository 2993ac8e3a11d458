/** Whether a roll-out goes on, and if not, by which sentence, and what a person types to let it. */
import type { FleetPolicy } from "../policy/fleet-policy.ts";
import type { NodeStanding } from "./standing.ts";
import type { Survey } from "./survey.ts";
import { sentence, type Cause, type Wait } from "./wait.ts";

/**
 * `going`: something is under work or about to be. `held`: nothing is, for a reason that passes or that a person set.
 * `halted`: a node failed. `done`: every node runs what it is to run.
 */
export type RollOutPace = { state: "going" | "held" | "halted" | "done"; sentence: string; command?: string };

/** What a person would have to clear away, the first first. */
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
const begins: readonly Cause[] = ["next", "prepare", "preparing"];

/** @param all of the nodes that the policy selects */
export function paceOf(seen: Survey, all: readonly NodeStanding[]): RollOutPace {
  const { policy } = seen.snapshot;
  if (seen.barrier !== undefined) return barred(policy, seen.barrier);
  const count = policy.ledger.claims.length;
  if (count > 0) {
    const first = all.find(({ node }) => seen.claims.has(node.uid));
    const more = count === 1 ? "" : `, and ${count - 1} more`;
    const text = first === undefined ? "nodes that left the fleet" : `${first.node.name} ${first.sentence}${more}`;
    return { state: "going", sentence: text };
  }
  if (all.length === 0) return { state: "held", sentence: "the policy selects no node" };
  if (all.every(({ cause }) => cause === "up-to-date")) {
    return { state: "done", sentence: `all ${all.length} nodes run what they are to run` };
  }
  const beginning = all.find(({ cause }) => begins.includes(cause));
  if (beginning !== undefined) return { state: "going", sentence: `${beginning.node.name} ${beginning.sentence}` };
  const example = exampleOf(all) ?? all.find(({ cause }) => cause !== "up-to-date");
  const text = example === undefined ? "no node waits for anything" : `${example.node.name} ${example.sentence}`;
  const isCordoned = example?.cause === "cordoned";
  return {
    state: "held",
    sentence: text,
    ...(isCordoned ? { command: `kubectl uncordon ${example.node.name}` } : {}),
  };
}

/** Of those that wait, one that waits for what would have to be cleared away first. */
export function exampleOf(all: readonly NodeStanding[]): NodeStanding | undefined {
  const cause = rank.find((each) => all.some((standing) => standing.cause === each));
  return all.find((standing) => standing.cause === cause);
}

export const resumeCommand = (policy: string, halt: string): string =>
  `kubectl annotate fleetpolicy ${policy} --overwrite fleet.orlop.dev/resume=${halt}`;

function barred(policy: FleetPolicy, barrier: Wait): RollOutPace {
  if (barrier.cause === "halted") {
    const { node, version, reason, id } = barrier;
    const text = `${node} failed with ${version}: ${reason}`;
    return { state: "halted", sentence: text, command: resumeCommand(policy.name, id) };
  }
  const held = { state: "held", sentence: `the fleet ${sentence(barrier)}` } as const;
  const command = commandAgainst(barrier.cause, policy.name);
  return command === undefined ? held : { ...held, command };
}

function commandAgainst(cause: Cause, policy: string): string | undefined {
  if (cause === "stopped") return `kubectl annotate fleetpolicy ${policy} fleet.orlop.dev/stop-`;
  return cause === "paused"
    ? `kubectl patch fleetpolicy ${policy} --type merge --patch '{"spec":{"paused":false}}'`
    : undefined;
}
