/** A fleet as a plain JSON value with a sentence for each policy and node, for people: the laptop's list, a page. */
import type { RollOutPace } from "../roll-out/pace.ts";
import { portrait, type Condition, type Counts } from "../roll-out/portrait.ts";
import type { Snapshot } from "../roll-out/snapshot.ts";
import type { NodeStanding } from "../roll-out/standing.ts";
import type { Cause, Wait } from "../roll-out/wait.ts";
import { windowPictures, type WindowPicture } from "./window-picture.ts";
import { wavePictures, type WavePicture } from "./wave-picture.ts";

export type PolicyPicture = {
  policy: string;
  /** Whether it goes on, and if not, why not and what lets it. */
  pace: RollOutPace | { state: "invalid"; sentence: string };
  conditions: Pick<Condition, "type" | "status" | "message">[];
  /** Absent where the policy cannot be read; so is all that follows. */
  counts?: Counts;
  /** How many nodes may be away at once. */
  budget?: number;
  /** What a person gave as the reason to stop. */
  stopped?: string;
  /** When nodes may begin, as far as that can be foreseen; null where they always may. */
  windows?: WindowPicture[] | null;
  /** By version, the newest first: who may take it when. */
  waves?: WavePicture[];
};

export type NodePicture = {
  name: string;
  policy: string;
  zone: string;
  step: string;
  /** RFC 3339, of the step; absent at rest. */
  since?: string;
  /** Undefined where the host never reported. */
  version: string | undefined;
  /** The version that it is on its way to, or waits for. */
  target?: string;
  cause: Cause;
  /** What it waits for. Its subject is the node. */
  sentence: string;
  /** RFC 3339: when what it waits for comes or is given up. */
  until?: string;
  /** Why it cannot go on, where somebody else has to do something: a disruption budget, a refused order. */
  blocked?: string;
};

export type FleetPicture = { policies: PolicyPicture[]; nodes: NodePicture[] };

/** @param invalid policies that cannot be read, and why */
export function fleetPicture(
  snapshots: readonly Snapshot[],
  invalid: readonly { name: string; reason: string }[],
  now: Date,
): FleetPicture {
  const seen = snapshots.map((snapshot) => ({ snapshot, ...portrait(snapshot, now) }));
  const policies = seen.map(({ snapshot, conditions, counts, pace, budget }): PolicyPicture => {
    const { name, stop, spec } = snapshot.policy;
    return {
      policy: name,
      pace,
      conditions: conditions.map(({ type, status, message }) => ({ type, status, message })),
      counts,
      budget,
      ...(stop === undefined ? {} : { stopped: stop }),
      windows: windowPictures(spec.windows, now),
      waves: wavePictures(snapshot.nodes, now),
    };
  });
  const unread = invalid.map(({ name, reason }): PolicyPicture => {
    const conditions = [{ type: "Progressing", status: "False", message: reason }] as const;
    return { policy: name, pace: { state: "invalid", sentence: reason }, conditions: [...conditions] };
  });
  const nodes = seen.flatMap(({ snapshot, standings }) => standings.map((each) => nodePicture(snapshot, each)));
  return { policies: [...policies, ...unread], nodes };
}

function nodePicture(snapshot: Snapshot, { node, step, version, target, wait, sentence }: NodeStanding): NodePicture {
  const until = untilOf(wait);
  const blocked = blockerOf(wait);
  return {
    name: node.name,
    policy: snapshot.policy.name,
    zone: node.zone,
    step,
    ...(node.marks.since === undefined ? {} : { since: node.marks.since.toISOString() }),
    version,
    ...(target === undefined ? {} : { target }),
    cause: wait.cause,
    sentence,
    ...(until === undefined ? {} : { until: until.toISOString() }),
    ...(blocked === undefined ? {} : { blocked }),
  };
}

function untilOf(wait: Wait): Date | undefined {
  if ("until" in wait) return wait.until;
  if ("opensAt" in wait) return wait.opensAt;
  return wait.cause === "retry" ? wait.after : undefined;
}

function blockerOf(wait: Wait): string | undefined {
  if (wait.cause === "pods") return wait.refusal;
  return wait.cause === "order" ? wait.reason : undefined;
}
