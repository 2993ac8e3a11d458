/** What really ran, by Bun's JUnit report. */
import { SaxesParser } from "saxes";

export type TestReport = {
  passed: number;
  failed: number;
  skipped: number;
  /** "file > suite > test" of each that failed. */
  failures: string[];
};

export const noTests: TestReport = { passed: 0, failed: 0, skipped: 0, failures: [] };

/**
 * Reads a report.
 *
 * @param exitCode of the run that wrote it. A file that cannot be loaded fails the run but stands in no report, and a
 *   run that ends itself leaves none: either counts as a failure.
 */
export function readReport(xml: string | undefined, exitCode: number): TestReport {
  const report: TestReport = { ...noTests, failures: [] };
  if (xml === undefined) {
    return { ...report, failed: 1, failures: [`the run ended with exit code ${exitCode} and left no report`] };
  }
  let test: { name: string; outcome: "passed" | "failed" | "skipped" } | undefined;
  const parser = new SaxesParser();
  parser.on("opentag", ({ name, attributes }) => {
    if (name === "testcase") {
      const words = [attributes["file"], attributes["classname"], attributes["name"]];
      test = { name: words.filter((word) => word !== undefined && word !== "").join(" > "), outcome: "passed" };
    }
    if (test !== undefined && (name === "failure" || name === "error")) test.outcome = "failed";
    if (test !== undefined && name === "skipped") test.outcome = "skipped";
  });
  parser.on("closetag", ({ name }) => {
    if (name !== "testcase" || test === undefined) return;
    report[test.outcome]++;
    if (test.outcome === "failed") report.failures.push(test.name);
    test = undefined;
  });
  parser.write(xml).close();
  if (exitCode !== 0 && report.failed === 0) {
    report.failed++;
    report.failures.push(`something outside the tests failed: exit code ${exitCode}`);
  }
  return report;
}

export function sum(reports: readonly TestReport[]): TestReport {
  return reports.reduce(
    (total, report) => ({
      passed: total.passed + report.passed,
      failed: total.failed + report.failed,
      skipped: total.skipped + report.skipped,
      failures: [...total.failures, ...report.failures],
    }),
    noTests,
  );
}

/** When nothing ran, nothing was shown to work. */
export function succeeded({ passed, failed }: TestReport): boolean {
  return failed === 0 && passed > 0;
}

/** What failed, and the count as the last line. */
export function reportText({ passed, failed, skipped, failures }: TestReport): string {
  return [
    ...failures.map((name) => `failed: ${name}`),
    ...(skipped === 0 ? [] : [`${skipped} skipped`]),
    `${passed} passed, ${failed} failed`,
  ].join("\n");
}
