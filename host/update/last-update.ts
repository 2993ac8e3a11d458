/** How far the last update of this host is, as the disk tells it. */
import type { LastUpdate } from "../../api/status.ts";
import { otherSet } from "./boot/boot-entry.ts";
import type { TrialFindings } from "./judge/trial-findings.ts";
import type { FailedVersion } from "./memory.ts";
import type { Standings } from "./boot/signpost.ts";
import type { UpdateCommand } from "./state.ts";

export type LastUpdateFacts = {
  running: string;
  standings: Standings | undefined;
  held: readonly FailedVersion[];
  /** Of a version on trial; undefined while nobody has judged it. */
  findings: TrialFindings | undefined;
  /** By the clock of the findings. */
  elapsedMs: number;
  /** What is at work. */
  command: UpdateCommand | undefined;
};

/** Undefined when nothing is under way and the last version that was started here proved healthy. */
export function lastUpdateOf(facts: LastUpdateFacts): LastUpdate | undefined {
  const { running, standings, held, command } = facts;
  const working: LastUpdate | undefined = command === undefined ? undefined : { stage: "working", command };
  if (standings === undefined) return working;
  if (standings.entries[standings.active]?.standing.kind === "trying") {
    return { stage: "on-trial", version: running, ...trialOf(facts) };
  }
  const inactive = standings.entries[otherSet(standings.active)];
  if (inactive?.standing.kind !== "trying") return working;
  const { version } = inactive;
  if (inactive.standing.done === 0) return standings.next === inactive.set ? { stage: "ready", version } : working;
  if (working !== undefined) return working;
  const failure = held.findLast((each) => each.version === version);
  if (failure === undefined) return { stage: "went-back", version };
  return { stage: "went-back", version, at: failure.at, reason: failure.reason };
}

function trialOf({
  findings,
  elapsedMs,
}: LastUpdateFacts): Pick<Extract<LastUpdate, { stage: "on-trial" }>, "missing" | "secondsLeft"> {
  if (findings === undefined) return { missing: [] };
  const leftMs = Math.max(0, findings.deadlineMs - elapsedMs);
  return { missing: findings.missing, secondsLeft: Math.ceil(leftMs / 1000) };
}
