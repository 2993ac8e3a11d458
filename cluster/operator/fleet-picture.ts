/** A fleet as a plain JSON value with a sentence for each policy and node, for people: the laptop's list, a page. */
import type { Snapshot } from "../roll-out/snapshot.ts";
import { type Condition, type Counts, portrait, standings } from "../roll-out/standing.ts";
import type { Cause } from "../roll-out/wait.ts";

export type PolicyPicture = {
  policy: string;
  conditions: Pick<Condition, "type" | "status" | "message">[];
  /** Absent where the policy cannot be read. */
  counts?: Counts;
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
};

export type FleetPicture = { policies: PolicyPicture[]; nodes: NodePicture[] };

/** @param invalid policies that cannot be read, and why */
export function fleetPicture(
  snapshots: readonly Snapshot[],
  invalid: readonly { name: string; reason: string }[],
  now: Date,
): FleetPicture {
  const policies = snapshots.map((snapshot): PolicyPicture => {
    const { conditions, counts } = portrait(snapshot, now);
    const shown = conditions.map(({ type, status, message }) => ({ type, status, message }));
    return { policy: snapshot.policy.name, conditions: shown, counts };
  });
  const unread = invalid.map(({ name, reason }): PolicyPicture => {
    return { policy: name, conditions: [{ type: "Progressing", status: "False", message: reason }] };
  });
  return { policies: [...policies, ...unread], nodes: snapshots.flatMap((snapshot) => nodePictures(snapshot, now)) };
}

function nodePictures(snapshot: Snapshot, now: Date): NodePicture[] {
  return standings(snapshot, now).map(({ node, step, version, target, cause, sentence }) => ({
    name: node.name,
    policy: snapshot.policy.name,
    zone: node.zone,
    step,
    ...(node.marks.since === undefined ? {} : { since: node.marks.since.toISOString() }),
    version,
    ...(target === undefined ? {} : { target }),
    cause,
    sentence,
  }));
}
