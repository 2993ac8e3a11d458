/**
 * What a benchmark reports: each figure beside that of a peer, which does the same job with other means, and beside
 * the limit, which does nothing but what nobody can do without. All three are measured in the same run.
 */
import { cpus, totalmem } from "node:os";
import { formatBytes } from "../lib/progress.ts";

export type Unit = "seconds" | "milliseconds" | "bytes" | "per second";

/** A promise about the ratio of ours to another figure of the same row. */
export type Goal = { beside: "peer" | "limit"; atMost: number } | { beside: "peer" | "limit"; atLeast: number };

export type Figure = { name: string; unit: Unit; ours: number; peer?: number; limit?: number; goal?: Goal };

export type BenchReport = {
  benchmark: string;
  /** What stands in the columns, in words. */
  ours: string;
  peer?: string;
  limit?: string;
  figures: readonly Figure[];
  /** What a reader must know to believe the figures: repetitions, versions, what was left out. */
  notes: readonly string[];
  computer: string;
};

export function computer(): string {
  const [first] = cpus();
  return `${cpus().length} × ${first?.model.trim() ?? "unknown processor"}, ${formatBytes(totalmem())}`;
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** The smallest value that at least that share of the values does not exceed. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

/** Undefined when the goal cannot be judged, because its other figure is missing. */
export function isMet({ ours, goal, ...figure }: Figure): boolean | undefined {
  const reference = goal === undefined ? undefined : figure[goal.beside];
  if (goal === undefined || reference === undefined) return undefined;
  return "atMost" in goal ? ours <= goal.atMost * reference : ours >= goal.atLeast * reference;
}

/** A table for people; also right inside a Markdown page. */
export function table(report: BenchReport): string {
  const { figures } = report;
  const hasPeer = figures.some(({ peer }) => peer !== undefined);
  const hasLimit = figures.some(({ limit }) => limit !== undefined);
  const hasGoal = figures.some(({ goal }) => goal !== undefined);
  const header = [
    "",
    "ours",
    ...(hasPeer ? ["peer", "ours / peer"] : []),
    ...(hasLimit ? ["limit", "ours / limit"] : []),
  ];
  if (hasGoal) header.push("goal");
  const rows = figures.map((figure) => {
    const { name, unit, ours, peer, limit } = figure;
    const cells = [name, formatted(ours, unit)];
    if (hasPeer) cells.push(formatted(peer, unit), ratio(ours, peer));
    if (hasLimit) cells.push(formatted(limit, unit), ratio(ours, limit));
    if (hasGoal) cells.push(goalWords(figure));
    return cells;
  });
  const widths = header.map((cell, column) => Math.max(cell.length, ...rows.map((row) => row[column]?.length ?? 0), 3));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => pad(cell, widths[column] ?? 0, column > 0)).join(" | ")} |`;
  const rule = `| ${widths.map((width, column) => (column > 0 ? `${"-".repeat(width - 1)}:` : "-".repeat(width))).join(" | ")} |`;
  const legend = [`ours: ${report.ours}`];
  if (report.peer !== undefined) legend.push(`peer: ${report.peer}`);
  if (report.limit !== undefined) legend.push(`limit: ${report.limit}`);
  const words = [...legend, ...report.notes, `measured on ${report.computer}`].map((note) => `- ${note}`);
  return [line(header), rule, ...rows.map(line), "", ...words].join("\n");
}

function pad(cell: string, width: number, right: boolean): string {
  return right ? cell.padStart(width) : cell.padEnd(width);
}

function ratio(ours: number, reference: number | undefined): string {
  return reference === undefined || reference === 0 ? "" : (ours / reference).toFixed(2);
}

function goalWords(figure: Figure): string {
  const { goal } = figure;
  if (goal === undefined) return "";
  const words = "atMost" in goal ? `≤ ${goal.atMost} × ${goal.beside}` : `≥ ${goal.atLeast} × ${goal.beside}`;
  const met = isMet(figure);
  return met === undefined ? words : `${words}: ${met ? "met" : "missed"}`;
}

function formatted(value: number | undefined, unit: Unit): string {
  if (value === undefined) return "";
  switch (unit) {
    case "seconds":
      return `${value.toFixed(2)} s`;
    case "milliseconds":
      return `${value.toFixed(2)} ms`;
    case "bytes":
      return formatBytes(value);
    case "per second":
      return `${Math.round(value)}/s`;
  }
}
