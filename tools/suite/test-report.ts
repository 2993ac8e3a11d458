/** What really ran, by Bun's JUnit report. */
import { SaxesParser } from "saxes";
import { formatDuration } from "../../lib/duration.ts";

export type TestReport = {
  passed: number;
  failed: number;
  skipped: number;
  /** "file > suite > test" of each that failed. */
  failures: string[];
  /** Those that took longest, and what files did before and after their tests: the longest first. */
  slowest: Timing[];
};

/** "file > suite > test". */
export type Timing = { name: string; seconds: number };

export const noTests: TestReport = { passed: 0, failed: 0, skipped: 0, failures: [], slowest: [] };

const mostSlowest = 10;

/**
 * Reads a report.
 *
 * @param exitCode of the run that wrote it. A file that cannot be loaded fails the run but stands in no report, and a
 *   run that ends itself leaves none: either counts as a failure.
 */
export function readReport(xml: string | undefined, exitCode: number): TestReport {
  const report: TestReport = { ...noTests, failures: [] };
  const timings: Timing[] = [];
  /** By file: its whole time less that of its tests. Hooks are in no test's time. */
  const hookSeconds = new Map<string, number>();
  if (xml === undefined) {
    return { ...report, failed: 1, failures: [`the run ended with exit code ${exitCode} and left no report`] };
  }
  let test: (Timing & { outcome: "passed" | "failed" | "skipped" }) | undefined;
  const parser = new SaxesParser();
  parser.on("opentag", ({ name, attributes }) => {
    const { file = "", time } = attributes;
    const seconds = Number(time ?? 0);
    if (name === "testsuite" && attributes["name"] === file) hookSeconds.set(file, seconds);
    if (name === "testcase") {
      const words = [file, attributes["classname"], attributes["name"]];
      const path = words.filter((word) => word !== undefined && word !== "").join(" > ");
      test = { name: path, seconds, outcome: "passed" };
      hookSeconds.set(file, (hookSeconds.get(file) ?? seconds) - seconds);
    }
    if (test !== undefined && (name === "failure" || name === "error")) test.outcome = "failed";
    if (test !== undefined && name === "skipped") test.outcome = "skipped";
  });
  parser.on("closetag", ({ name }) => {
    if (name !== "testcase" || test === undefined) return;
    report[test.outcome]++;
    if (test.outcome === "failed") report.failures.push(test.name);
    timings.push({ name: test.name, seconds: test.seconds });
    test = undefined;
  });
  parser.write(xml).close();
  if (exitCode !== 0 && report.failed === 0) {
    report.failed++;
    report.failures.push(`something outside the tests failed: exit code ${exitCode}`);
  }
  const hooks = [...hookSeconds].map(([file, seconds]) => ({ name: `${file} > its hooks`, seconds }));
  return { ...report, slowest: slowestOf([...timings, ...hooks]) };
}

function slowestOf(timings: readonly Timing[]): Timing[] {
  return timings.toSorted((a, b) => b.seconds - a.seconds).slice(0, mostSlowest);
}

export function sum(reports: readonly TestReport[]): TestReport {
  return reports.reduce(
    (total, report) => ({
      passed: total.passed + report.passed,
      failed: total.failed + report.failed,
      skipped: total.skipped + report.skipped,
      failures: [...total.failures, ...report.failures],
      slowest: slowestOf([...total.slowest, ...report.slowest]),
    }),
    noTests,
  );
}

/** When nothing ran, nothing was shown to work. */
export function succeeded({ passed, failed }: TestReport): boolean {
  return failed === 0 && passed > 0;
}

/** The slowest, what failed, and the count as the last line. */
export function reportText({ passed, failed, skipped, failures, slowest }: TestReport): string {
  return [
    ...slowest.map(({ name, seconds }) => `${formatDuration(seconds).padStart(12)}  ${name}`),
    ...failures.map((name) => `failed: ${name}`),
    ...(skipped === 0 ? [] : [`${skipped} skipped`]),
    `${passed} passed, ${failed} failed`,
  ].join("\n");
}
