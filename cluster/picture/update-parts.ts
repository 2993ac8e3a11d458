/** How long each part of an update took, from what the operator noted down about each node. */
import type { RecordedEvent } from "../../kubernetes/events.ts";

/** A node that was worked on: from its drain to what came of it. Times in milliseconds; a part that did not end is absent. */
export type NodeUpdateRun = {
  node: string;
  /** RFC 3339. */
  began: string;
  drainMs?: number;
  rebootMs?: number;
  soakMs?: number;
  wholeMs?: number;
  end?: "Updated" | "GivenBack" | "Failed";
};

export const updateParts = ["drain", "reboot", "soak", "whole"] as const;
export type TimedPart = (typeof updateParts)[number];

export type PartSummary = {
  part: TimedPart;
  count: number;
  medianMs: number;
  /** Nine of ten were at most so long. */
  ninthMs: number;
  longestMs: number;
  longestNode: string;
};

type Begun = { run: NodeUpdateRun; atMs: number; stepMs: number };

const ends = ["Updated", "GivenBack", "Failed"] as const;

/** @param events the newest last, as `recordedEvents` has them */
export function updateRuns(events: readonly RecordedEvent[]): NodeUpdateRun[] {
  const begun = new Map<string, Begun>();
  const runs: NodeUpdateRun[] = [];
  for (const { at, kind, name, reason } of events) {
    if (kind !== "Node") continue;
    const atMs = Date.parse(at);
    const open = begun.get(name);
    if (reason === "Draining") {
      const run = { node: name, began: at };
      runs.push(run);
      begun.set(name, { run, atMs, stepMs: atMs });
    } else if (open !== undefined && reason === "Rebooting") {
      open.run.drainMs = atMs - open.stepMs;
      open.stepMs = atMs;
    } else if (open !== undefined && reason === "Soaking") {
      open.run.rebootMs = atMs - open.stepMs;
      open.stepMs = atMs;
    }
    const end = ends.find((each) => each === reason);
    if (open === undefined || end === undefined) continue;
    if (end === "Updated") open.run.soakMs = atMs - open.stepMs;
    open.run.wholeMs = atMs - open.atMs;
    open.run.end = end;
    begun.delete(name);
  }
  return runs;
}

export function partSummaries(runs: readonly NodeUpdateRun[]): PartSummary[] {
  return updateParts.flatMap((part) => {
    const took = runs
      .flatMap((run) => {
        const ms = run[`${part}Ms`];
        // A node that was given back did not need so long for an update.
        return ms === undefined || (part === "whole" && run.end !== "Updated") ? [] : [{ node: run.node, ms }];
      })
      .toSorted((a, b) => a.ms - b.ms);
    const at = (share: number) => took[Math.min(took.length - 1, Math.floor(share * took.length))]?.ms ?? 0;
    const longest = took.at(-1);
    if (longest === undefined) return [];
    const summary = { part, count: took.length, medianMs: at(0.5), ninthMs: at(0.9) };
    return [{ ...summary, longestMs: longest.ms, longestNode: longest.node }];
  });
}
