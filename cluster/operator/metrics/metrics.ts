/**
 * Metrics in Prometheus' text format. Gauges are computed from what the operator sees when somebody asks: none outlives its
 * node. Counters and histograms are what this operator has done.
 */
import type { Snapshot } from "../../roll-out/snapshot.ts";
import { portrait } from "../../roll-out/portrait.ts";
import { durationBounds, type Histogram, timedSteps, type UpdateDurations } from "./update-durations.ts";

export type OperatorFigures = {
  isLeading: boolean;
  passMs: number;
  passes: number;
  conflicts: number;
  requests: number;
  durationsOf: (policy: string) => UpdateDurations;
};

type Labels = Readonly<Record<string, string>>;
/** `suffix` of the metric's name, where it has several series. */
type Sample = { labels: Labels; value: number; suffix?: "_bucket" | "_sum" | "_count" };
type Metric = { name: string; kind: "gauge" | "counter" | "histogram"; help: string; samples: readonly Sample[] };

export function metricsText(snapshots: readonly Snapshot[], figures: OperatorFigures, now: Date): string {
  const metrics = [...fleetMetrics(snapshots, now), ...durationMetrics(snapshots, figures), ...ownMetrics(figures)];
  return metrics.map(textOf).join("");
}

function fleetMetrics(snapshots: readonly Snapshot[], now: Date): Metric[] {
  const portraits = snapshots.map((snapshot) => ({ snapshot, ...portrait(snapshot, now) }));
  const perPolicy = (value: (each: (typeof portraits)[number]) => number): Sample[] =>
    portraits.map((each) => ({ labels: { policy: each.snapshot.policy.name }, value: value(each) }));
  const isTrue = (type: string) => (each: (typeof portraits)[number]) =>
    each.conditions.some((condition) => condition.type === type && condition.status === "True") ? 1 : 0;
  const gauge = (name: string, help: string, samples: readonly Sample[]): Metric => ({
    name,
    kind: "gauge",
    help,
    samples,
  });
  return [
    gauge("orlop_nodes", "Nodes by policy, step, version and zone.", snapshots.flatMap(nodeSamples)),
    gauge(
      "orlop_fleet_claims",
      "Nodes under work.",
      perPolicy(({ snapshot }) => snapshot.policy.ledger.claims.length),
    ),
    gauge(
      "orlop_fleet_away",
      "Nodes that are away without being under work.",
      perPolicy(({ counts }) => counts.away),
    ),
    gauge(
      "orlop_fleet_up_to_date",
      "Nodes that run what they are to run.",
      perPolicy(({ counts }) => counts.upToDate),
    ),
    gauge("orlop_fleet_halted", "1 when a node has failed and nobody has resumed.", perPolicy(isTrue("Halted"))),
    gauge("orlop_fleet_window_open", "1 while nodes may begin.", perPolicy(isTrue("WindowOpen"))),
    gauge("orlop_fleet_waiting", "Nodes by what they wait for.", portraits.flatMap(waitingSamples)),
    gauge(
      "orlop_fleet_drain_held_seconds",
      "How long evictions on a node have been refused, by the budget that forbids them.",
      snapshots.flatMap((snapshot) => blockedSamples(snapshot, now)),
    ),
    gauge(
      "orlop_fleet_step_seconds",
      "How long a node has been in its step.",
      snapshots.flatMap((snapshot) => stepSamples(snapshot, now)),
    ),
  ];
}

function nodeSamples({ policy, nodes }: Snapshot): Sample[] {
  const counts = new Map<string, Sample>();
  for (const { marks, report, zone, selected } of nodes) {
    if (!selected) continue;
    const labels = { policy: policy.name, step: marks.step, version: report?.version ?? "", zone };
    const key = JSON.stringify(labels);
    counts.set(key, { labels, value: (counts.get(key)?.value ?? 0) + 1 });
  }
  return [...counts.values()];
}

function waitingSamples({ snapshot, counts }: { snapshot: Snapshot; counts: ReturnType<typeof portrait>["counts"] }) {
  const { name } = snapshot.policy;
  return Object.entries(counts.waiting).map(([cause, value]) => ({ labels: { policy: name, cause }, value }));
}

function blockedSamples({ nodes, drains }: Snapshot, now: Date): Sample[] {
  return nodes.flatMap(({ name }) => {
    const seconds = new Map<string, number>();
    for (const answer of drains.get(name)?.evictions.values() ?? []) {
      if (answer.kind !== "refused") continue;
      const budget = answer.budget ?? "";
      seconds.set(budget, Math.max(seconds.get(budget) ?? 0, secondsSince(answer.since, now)));
    }
    return [...seconds].map(([budget, value]) => ({ labels: { node: name, budget }, value }));
  });
}

function stepSamples({ policy, nodes }: Snapshot, now: Date): Sample[] {
  return nodes.flatMap(({ name, marks: { step, since } }) =>
    step === "Idle" || since === undefined
      ? []
      : [{ labels: { policy: policy.name, node: name, step }, value: secondsSince(since, now) }],
  );
}

function durationMetrics(snapshots: readonly Snapshot[], { durationsOf }: OperatorFigures): Metric[] {
  const policies = snapshots.map(({ policy: { name } }) => ({ name, durations: durationsOf(name) }));
  const histogram = (name: string, help: string, samples: readonly Sample[]): Metric => {
    return { name, kind: "histogram", help, samples };
  };
  return [
    histogram(
      "orlop_fleet_step_duration_seconds",
      "How long nodes took for each step of an update that led on to the next.",
      policies.flatMap(({ name, durations }) =>
        timedSteps.flatMap((step) => histogramSamples({ policy: name, step }, durations.steps[step])),
      ),
    ),
    histogram(
      "orlop_fleet_away_duration_seconds",
      "How long nodes were cordoned by the operator, whatever came of it.",
      policies.flatMap(({ name, durations }) => histogramSamples({ policy: name }, durations.away)),
    ),
  ];
}

function histogramSamples(labels: Labels, { counts, count, sum }: Histogram): Sample[] {
  const bucket = (le: string, value: number): Sample => ({ labels: { ...labels, le }, value, suffix: "_bucket" });
  return [
    ...durationBounds.map((bound, at) => bucket(String(bound), counts[at] ?? 0)),
    bucket("+Inf", count),
    { labels, value: sum, suffix: "_sum" },
    { labels, value: count, suffix: "_count" },
  ];
}

function ownMetrics({ isLeading, passMs, passes, conflicts, requests }: OperatorFigures): Metric[] {
  const single = (name: string, kind: Metric["kind"], help: string, value: number): Metric => {
    return { name, kind, help, samples: [{ labels: {}, value }] };
  };
  return [
    single("orlop_fleet_leading", "gauge", "1 when this operator is the one that works.", isLeading ? 1 : 0),
    single("orlop_fleet_pass_seconds", "gauge", "How long the last pass took.", passMs / 1000),
    single("orlop_fleet_passes_total", "counter", "Passes so far.", passes),
    single("orlop_fleet_conflicts_total", "counter", "Writes that somebody else's had overtaken.", conflicts),
    single("orlop_fleet_requests_total", "counter", "Requests to the API server.", requests),
  ];
}

function secondsSince(date: Date, now: Date): number {
  return Math.max(0, (now.getTime() - date.getTime()) / 1000);
}

/** Source: Prometheus' exposition formats. */
function textOf({ name, kind, help, samples }: Metric): string {
  const lines = samples.map(({ labels, value, suffix = "" }) => {
    const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escaped(text)}"`);
    return `${name}${suffix}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${value}\n`;
  });
  return `# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n${lines.join("")}`;
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
