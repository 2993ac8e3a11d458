/** `./orlop test` */
import { availableParallelism } from "node:os";
import { availableMemory } from "node:process";
import { machineClock } from "../lib/clock.ts";
import { formatDuration } from "../lib/duration.ts";
import { reportText, succeeded, sum, type TestReport } from "../tools/test-report.ts";
import { verb } from "./context.ts";

const groups = ["quick", "unit", "slow", "conformance", "image", "cluster", "vm", "tours", "long"] as const;
type Group = (typeof groups)[number];

/** Tests that boot machines so often that they only run when they are asked for. */
const longTest = ".long.test.ts";

/** Booting under emulation takes a while; no single test may take longer than this. */
const machineTestTimeoutMs = 20 * 60_000;

/** The guest's, QEMU's own for translated code, and the registry or cluster beside it. */
const memoryPerMachineBytes = 5 * 1024 ** 3;

export const test = verb({
  name: "test",
  summary: "Run the tests; without a group, all but the long ones",
  description: `quick: format, lint, types, layers, unit tests and a simulation. unit: tests that need no machine.
slow: those that need none either and take seconds each. conformance: against the suites of others. image: builds the
same image twice. cluster: a Kubernetes control plane on this computer. vm: boots machines in QEMU. tours: every block
of the tours in README.md, in a fresh copy of this repository; build/tours.log has what they print. long: the tours,
and machines a hundred times and more: every way in which an update can be broken, power cuts, Secure Boot; hours under
emulation.
The last line counts what really ran.`,
  examples: [
    { run: "./orlop test", description: "everything" },
    { run: "./orlop test unit", description: "one group" },
  ],
  arguments: { groups: { value: "GROUP", help: "Which tests", many: true, optional: true, choices: groups } },
  async run({ invocation: { signal } }, { groups: chosen }): Promise<TestReport & { seconds: number }> {
    const startedMs = machineClock.elapsedMs();
    const reports: TestReport[] = [];
    const wanted: readonly Group[] =
      chosen.length > 0 ? chosen : ["quick", "slow", "conformance", "image", "cluster", "vm"];
    for (const group of wanted) {
      reports.push(await runGroup(group, signal));
    }
    return { ...sum(reports), seconds: (machineClock.elapsedMs() - startedMs) / 1000 };
  },
  print: ({ seconds, ...report }) => `took ${formatDuration(seconds)}\n${reportText(report)}`,
  exitCode: (report) => (succeeded(report) ? 0 : 1),
});

/** Nearly all of them have one processor, which they keep busy. */
function machinesAtOnce(): number {
  return Math.max(1, Math.min(availableParallelism(), Math.floor(availableMemory() / memoryPerMachineBytes)));
}

async function runGroup(group: Group, signal: AbortSignal): Promise<TestReport> {
  const { quickTests, slowUnitTests, unitTests } = await import("../tools/quick.ts");
  if (group === "quick") return await quickTests(signal);
  if (group === "unit") return await unitTests(signal);
  if (group === "slow") return await slowUnitTests(signal);
  const { runTests } = await import("../tools/test-run.ts");
  return await runTests({
    label: `${group} tests`,
    paths: [group === "long" ? longTest : `./test/real/${group}/`],
    without: group === "long" || group === "tours" ? [] : [`**/*${longTest}`],
    workers: group === "vm" ? machinesAtOnce() : 1,
    timeoutMs: machineTestTimeoutMs,
    signal,
  });
}
