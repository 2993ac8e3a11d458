/**
 * How long nodes were in each step of their updates, and cordoned for them, as histograms of Prometheus: counted by the
 * operator that ends a step, when its write is done. They begin anew with each operator, as Prometheus expects of counters.
 */
import { annotations } from "../../../api/fleet/annotations.ts";
import type { NodeObject } from "../../../kubernetes/objects.ts";
import type { FleetNode, NodeStep } from "../../roll-out/snapshot.ts";
import type { EventReason, Write } from "../../roll-out/write.ts";

/** Upper bounds in seconds: a drain without pods takes one, a machine that checks its memory at each boot an hour. */
export const durationBounds = [5, 15, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200] as const;

export class Histogram {
  /** By bound: how many were at most so long. */
  readonly counts = durationBounds.map(() => 0);
  count = 0;
  /** Of all, in seconds. */
  sum = 0;

  observe(seconds: number): void {
    this.count++;
    this.sum += seconds;
    for (const [at, bound] of durationBounds.entries())
      if (seconds <= bound) this.counts[at] = (this.counts[at] ?? 0) + 1;
  }
}

export const timedSteps = ["Draining", "Rebooting", "Soaking"] as const satisfies readonly NodeStep[];

/** Of one policy. */
export class UpdateDurations {
  readonly steps = { Draining: new Histogram(), Rebooting: new Histogram(), Soaking: new Histogram() };
  /** From the cordon to the uncordon, whatever came of it. */
  readonly away = new Histogram();

  /** @param before the Node as it was when the write was done */
  note({ node, change, reason }: Extract<Write, { kind: "node" }>, before: NodeObject | undefined, now: Date): void {
    const { step, since } = node.marks;
    if (step !== "Idle" && since !== undefined && leadsOn(node, reason))
      this.steps[step].observe(secondsFrom(since, now));
    const cordonedAt = new Date(before?.metadata.annotations[annotations.cordonedAt] ?? "");
    if (change.cordon === false && !Number.isNaN(cordonedAt.getTime())) this.away.observe(secondsFrom(cordonedAt, now));
  }
}

/** A drain that was given back is as long as its deadline, and says nothing of how long drains take. */
function leadsOn({ marks: { step } }: FleetNode, reason: EventReason): boolean {
  switch (step) {
    case "Draining":
      return reason === "Rebooting";
    case "Rebooting":
      return reason === "Soaking" || reason === "Updated";
    case "Soaking":
      return reason === "Updated";
    case "Idle":
      return false;
  }
}

/** Another computer's clock may have noted the beginning. */
function secondsFrom(date: Date, now: Date): number {
  return Math.max(0, (now.getTime() - date.getTime()) / 1000);
}
