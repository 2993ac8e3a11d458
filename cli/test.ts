/** `./orlop test` */
import { machineClock } from "../lib/clock.ts";
import { formatDuration } from "../lib/duration.ts";
import { groupNames, testGroups } from "../tools/suite/test-groups.ts";
import { reportText, succeeded, sum, type TestReport } from "../tools/suite/test-report.ts";
import { verb } from "./context.ts";

const groups = ["quick", ...groupNames] as const;
type Group = (typeof groups)[number];

type Suite = TestReport & { seconds: number; groups: { name: Group; seconds: number }[] };

export const test = verb({
  name: "test",
  summary: "Run the tests; without a group, all but the long ones",
  description: `In the order in which they run:
${["quick: format, lint, types, layers, unit tests and a simulation", ...groupNames.map((name) => `${name}: ${testGroups[name].about}`)].join("\n")}
The last line counts what really ran; above it are the ten slowest.`,
  examples: [
    { run: "./orlop test", description: "everything" },
    { run: "./orlop test unit", description: "one group" },
  ],
  arguments: { groups: { value: "GROUP", help: "Which tests", many: true, optional: true, choices: groups } },
  async run({ invocation: { signal } }, { groups: chosen }): Promise<Suite> {
    const reports: TestReport[] = [];
    const took: Suite["groups"] = [];
    for (const name of chosen.length > 0 ? chosen : groups.filter(isByDefault)) {
      const startedMs = machineClock.elapsedMs();
      reports.push(await run(name, signal));
      took.push({ name, seconds: (machineClock.elapsedMs() - startedMs) / 1000 });
    }
    const seconds = took.reduce((total, group) => total + group.seconds, 0);
    return { ...sum(reports), seconds, groups: took.toSorted((a, b) => b.seconds - a.seconds) };
  },
  print: ({ seconds, groups: took, ...report }) => {
    const costs = took.map((group) => `${group.name} ${formatDuration(group.seconds)}`).join(", ");
    return `took ${formatDuration(seconds)}: ${costs}\n${reportText(report)}`;
  },
  exitCode: (report) => (succeeded(report) ? 0 : 1),
});

/** Unit tests are a part of quick. */
function isByDefault(group: Group): boolean {
  return !["unit", "tours", "long"].includes(group);
}

async function run(group: Group, signal: AbortSignal): Promise<TestReport> {
  if (group === "quick") return await (await import("../tools/suite/quick.ts")).quickTests(signal);
  return await (await import("../tools/suite/run-group.ts")).runGroup(group, signal);
}
