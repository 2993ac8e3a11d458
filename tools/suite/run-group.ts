/** Runs a group of tests: the files that `test-groups.ts` has in it, and no others. */
import { join } from "node:path";
import { layers } from "../layers.ts";
import { groupsOf, testGroups, type TestGroupName } from "./test-groups.ts";
import { noTests, sum, type TestReport } from "./test-report.ts";
import { runTests } from "./test-run.ts";

const repository = join(import.meta.dir, "../..");

/** A file that is in no group would never run: the group `unit` fails for it. */
export async function runGroup(name: TestGroupName, signal: AbortSignal): Promise<TestReport> {
  const { workers, timeoutMs } = testGroups[name];
  const files = testFiles();
  const failures = name === "unit" ? files.filter((file) => groupsOf(file) === undefined).map(misnamed) : [];
  const report = await runTests({
    label: `${name} tests`,
    paths: files.filter((file) => groupsOf(file)?.includes(name)).map((file) => `./${file}`),
    workers: workers(),
    timeoutMs,
    signal,
  });
  return sum([report, { ...noTests, failed: failures.length, failures }]);
}

/** Whatever `bun test` would take for tests. */
export function testFiles(): string[] {
  const glob = new Bun.Glob(`{${[...layers.keys()].join(",")}}/**/*{.,_}{test,spec}.{ts,tsx,js,jsx,mts,mjs,cts,cjs}`);
  return [...glob.scanSync(repository)].toSorted();
}

function misnamed(file: string): string {
  return `${file}: its name is of no group, see tools/suite/test-groups.ts`;
}
