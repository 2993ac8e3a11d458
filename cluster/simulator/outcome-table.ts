/** The outcome of a simulation in words. */
import { formatDuration } from "../../lib/duration.ts";
import type { FleetOutcome } from "./fleet-outcome.ts";

const after = (ms: number): string => formatDuration(ms / 1000);
const counted = (hosts: number): string => `${hosts} ${hosts === 1 ? "host" : "hosts"}`;

export function outcomeTable(outcome: FleetOutcome): string {
  const { reached, mostAway, budget, ran, halts, waitedHours } = outcome;
  const waited = Object.entries(waitedHours).toSorted(([, a], [, b]) => b - a);
  const rows: [string, string][] = [
    ...reached.map(({ percent, afterMs }): [string, string] => [
      `${percent} % updated`,
      afterMs === undefined ? "never" : `after ${after(afterMs)}`,
    ]),
    ["most away at once", `${mostAway} of ${budget} allowed`],
    ...Object.entries(ran).map(([version, hosts]): [string, string] => [`booted ${version}`, counted(hosts)]),
    ...halts.map(({ atMs, node, version, reason, hostsWithIt }): [string, string] => [
      `halted after ${after(atMs)}`,
      `${counted(hostsWithIt)} had booted ${version}; ${node}: ${reason}`,
    ]),
    ...waited.map(([cause, hours]): [string, string] => [`node hours in ${cause}`, String(Math.round(hours))]),
  ];
  const width = Math.max(...rows.map(([label]) => label.length));
  return rows.map(([label, value]) => `${label.padEnd(width)}  ${value}`).join("\n");
}
