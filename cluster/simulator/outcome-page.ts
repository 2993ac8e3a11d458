/** The outcome of a simulation as one page: plots by uPlot, which is in it, and no byte from elsewhere. */
import { readFile } from "node:fs/promises";
import { formatDuration } from "../../lib/duration.ts";
import type { FleetOutcome, FleetSample } from "./fleet-outcome.ts";

/** Nothing is loaded, and only what stands in the page runs. */
const policy = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'";

const escaped = (text: string): string => text.replaceAll(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);

/** A script ends at its end tag, wherever that stands. */
const inScript = (text: string): string => text.replaceAll("</", "<\\/");

/** @param title what was simulated, in words */
export async function outcomePage(title: string, summary: string, outcome: FleetOutcome): Promise<string> {
  const [script, style] = await Promise.all([file("uPlot.iife.min.js"), file("uPlot.min.css")]);
  const columns = (read: (sample: FleetSample) => number): number[] => outcome.samples.map(read);
  const data = {
    hours: columns(({ atMs }) => atMs / 3_600_000),
    updated: columns(({ updated }) => updated),
    away: columns(({ away }) => away),
    claimed: columns(({ claimed }) => claimed),
    budget: outcome.budget,
    perHour: updatedPerHour(outcome.samples),
    awayMinutes: outcome.awayMinutes,
  };
  const halts = outcome.halts.map(
    ({ atMs, node, version, reason }) =>
      `<li>after ${formatDuration(atMs / 1000)}: ${escaped(`${node} failed with ${version}: ${reason}`)}</li>`,
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>${escaped(title)}</title>
<style>${style}
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
pre { overflow-x: auto; background: #8881; padding: 1rem; }</style></head>
<body><h1>${escaped(title)}</h1>
<h2>Hosts that run the new version</h2><div id="updated"></div>
<h2>Hosts that came to it, hour by hour</h2><div id="per-hour"></div>
<h2>Nodes away, and claims</h2><div id="away"></div>
<h2>How long a node was cordoned</h2><div id="away-minutes"></div>
${halts.length === 0 ? "" : `<h2>Halts</h2><ul>${halts.join("")}</ul>`}
<h2>In numbers</h2><pre>${escaped(summary)}</pre>
<script>${inScript(script)}</script>
<script>const data = ${inScript(JSON.stringify(data))};
${plots}</script></body></html>
`;
}

/** How many more hosts had it at the end of each hour than at its beginning. */
function updatedPerHour(samples: readonly FleetSample[]): number[] {
  const atEnd: number[] = [];
  for (const { atMs, updated } of samples) atEnd[Math.max(0, Math.ceil(atMs / 3_600_000) - 1)] = updated;
  return atEnd.map((updated, hour) => Math.max(0, updated - (atEnd[hour - 1] ?? 0)));
}

const plots = `const width = Math.min(900, document.body.clientWidth);
const options = (series, unit = "hours") => ({ width, height: 260, scales: { x: { time: false } },
  axes: [{ label: unit }, { size: 70 }], series: [{ label: unit }, ...series] });
const histogram = (counts, label, unit, id) => counts.length === 0 ||
  new uPlot(options([{ label, stroke: "#57b", fill: "#57b8", paths: uPlot.paths.bars({ size: [0.9] }) }], unit),
    [counts.map((_, at) => at), counts], document.getElementById(id));
const line = (label, stroke) => ({ label, stroke, width: 2 });
new uPlot(options([line("updated", "#2a7")]), [data.hours, data.updated], document.getElementById("updated"));
new uPlot(options([line("away", "#c52"), line("claims", "#57b"), { label: "budget", stroke: "#888", dash: [6, 6] }]),
  [data.hours, data.away, data.claimed, data.hours.map(() => data.budget)], document.getElementById("away"));
histogram(data.perHour, "hosts", "hours", "per-hour");
histogram(data.awayMinutes, "nodes", "minutes", "away-minutes");`;

async function file(name: string): Promise<string> {
  return await readFile(Bun.resolveSync(`uplot/dist/${name}`, import.meta.dir), "utf8");
}
