/**
 * `./orlop test quick` and `bun run quick`, also the first part of `./orlop test`: format, lint with types, types, tests
 * that need no machine, and a while of simulation. Under a minute, or it is not run often enough.
 */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { machineClock } from "../lib/clock.ts";
import { formatDuration } from "../lib/duration.ts";
import { say } from "../lib/progress.ts";
import { ask } from "../lib/program/process.ts";
import { noTests, reportText, succeeded, sum, type TestReport } from "./test-report.ts";
import { runTests } from "./test-run.ts";

const repository = join(import.meta.dir, "..");
const program = (name: string): string => join(repository, "node_modules", ".bin", name);

/** Tests that compile, fetch or repeat until it takes seconds; they stand beside their subject like all others. */
const slowTest = ".slow.test.ts";
/** Tests elsewhere need machines, servers of other projects, or minutes. */
const notUnitTests = [
  `**/*${slowTest}`,
  "test/real/vm/**",
  "test/real/tours/**",
  "test/real/cluster/**",
  "test/real/image/**",
  "test/real/conformance/**",
];
const unitTestTimeoutMs = 30_000;
const slowTestTimeoutMs = 180_000;

type Step = { name: string; run: (signal: AbortSignal) => Promise<TestReport> };

const tool = (name: string, argv: readonly [string, ...string[]]): Step => ({
  name,
  async run(signal) {
    const { stdout, stderr, exitCode } = await ask(argv, { cwd: repository, signal });
    if (exitCode === 0) return { ...noTests, passed: 1 };
    say(`${stdout}${stderr}`.trimEnd());
    return { ...noTests, failed: 1, failures: [`${name}: exit code ${exitCode}`] };
  },
});

const steps = {
  format: tool("format", [program("oxfmt"), "--check"]),
  lint: tool("lint", [program("oxlint")]),
  types: tool("types", [program("tsc")]),
  // With a seed that the clock chooses; a failure prints the seed and how to live that life again.
  simulation: tool("simulation", [process.execPath, "test/simulator/simulate.ts", "--seconds", "20"]),
  unit: { name: "unit tests", run: unitTests },
} satisfies Record<string, Step>;

/** Each lane runs its steps one after the other, beside the other lanes. */
const lanes: readonly (readonly Step[])[] = [[steps.format, steps.lint, steps.types, steps.simulation], [steps.unit]];

export async function quickTests(signal: AbortSignal): Promise<TestReport> {
  const reports = await Promise.all(lanes.map(async (lane) => await runLane(lane, signal)));
  return sum(reports.flat());
}

export async function unitTests(signal: AbortSignal): Promise<TestReport> {
  return await runTests({
    label: "unit tests",
    paths: [],
    without: notUnitTests,
    workers: availableParallelism(),
    timeoutMs: unitTestTimeoutMs,
    signal,
  });
}

export async function slowUnitTests(signal: AbortSignal): Promise<TestReport> {
  return await runTests({
    label: "slow unit tests",
    paths: [slowTest],
    workers: 1,
    timeoutMs: slowTestTimeoutMs,
    signal,
  });
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
