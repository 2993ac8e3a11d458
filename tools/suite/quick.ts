/**
 * `./orlop test quick` and `bun run quick`, also the first part of `./orlop test`: format, lint with types, types, tests
 * that need no machine, and a while of simulation. Under a minute, or it is not run often enough.
 */
import { join } from "node:path";
import { machineClock } from "../../lib/clock.ts";
import { formatDuration } from "../../lib/duration.ts";
import { say } from "../../lib/progress.ts";
import { ask } from "../../lib/program/process.ts";
import { runGroup } from "./run-group.ts";
import { noTests, reportText, succeeded, sum, type TestReport } from "./test-report.ts";

const repository = join(import.meta.dir, "../..");
const program = (name: string): string => join(repository, "node_modules", ".bin", name);

type Step = { name: string; run: (signal: AbortSignal) => Promise<TestReport> };

const tool = (name: string, argv: readonly [string, ...string[]]): Step => ({
  name,
  async run(signal) {
    const startedMs = machineClock.elapsedMs();
    const { stdout, stderr, exitCode } = await ask(argv, { cwd: repository, signal });
    const slowest = [{ name, seconds: (machineClock.elapsedMs() - startedMs) / 1000 }];
    if (exitCode === 0) return { ...noTests, passed: 1, slowest };
    say(`${stdout}${stderr}`.trimEnd());
    return { ...noTests, failed: 1, failures: [`${name}: exit code ${exitCode}`], slowest };
  },
});

const steps = {
  format: tool("format", [program("oxfmt"), "--check"]),
  lint: tool("lint", [program("oxlint")]),
  types: tool("types", [program("tsc")]),
  // What runs in browsers knows their document, and nothing else of ours does.
  pageTypes: tool("types of pages", [program("tsc"), "--project", "web/page"]),
  // With a seed that the clock chooses; a failure prints the seed and how to live that life again.
  simulation: tool("simulation", [process.execPath, "test/simulator/simulate.ts", "--seconds", "20"]),
  unit: { name: "unit tests", run: async (signal) => await runGroup("unit", signal) },
} satisfies Record<string, Step>;

/** Each lane runs its steps one after the other, beside the other lanes. */
const lanes: readonly (readonly Step[])[] = [
  [steps.format, steps.lint, steps.types, steps.pageTypes, steps.simulation],
  [steps.unit],
];

export async function quickTests(signal: AbortSignal): Promise<TestReport> {
  const reports = await Promise.all(lanes.map(async (lane) => await runLane(lane, signal)));
  return sum(reports.flat());
}

async function runLane(lane: readonly Step[], signal: AbortSignal): Promise<TestReport[]> {
  const reports: TestReport[] = [];
  for (const { name, run } of lane) {
    const startedMs = machineClock.elapsedMs();
    const report = await run(signal);
    const took = formatDuration((machineClock.elapsedMs() - startedMs) / 1000);
    say(`${name}: ${report.failed === 0 ? "passed" : `${report.failed} failed`}, ${took}`);
    reports.push(report);
  }
  return reports;
}

if (import.meta.main) {
  const stop = new AbortController();
  process.once("SIGINT", () => stop.abort(new Error("got SIGINT")));
  const report = await quickTests(stop.signal);
  process.stdout.write(`${reportText(report)}\n`);
  process.exit(succeeded(report) ? 0 : 1);
}
