/**
 * Reports on how a host stands to a benchmark, in Bottlerocket's words and shape (bloodhound, `src/results.rs` and
 * `src/output.rs`): scripts that read either read both.
 */
import { z } from "zod";

/** PASS: as the benchmark wants it. FAIL: not so. SKIP: nobody but a person can tell, or it could not be looked at. */
export const checkStatus = z.enum(["PASS", "FAIL", "SKIP"]);
export type CheckStatus = z.infer<typeof checkStatus>;

export const checkResult = z.object({
  /** br01030100 for 1.3.1 of Bottlerocket's benchmark, k8s04020100 for 4.2.1 of Kubernetes'. */
  name: z.string(),
  id: z.string(),
  level: z.number(),
  title: z.string(),
  mode: z.enum(["Automatic", "Manual"]),
  status: checkStatus,
  /** Why it is no PASS; empty for one. */
  error: z.string(),
});
export type CheckResult = z.infer<typeof checkResult>;

export const reportBody = z.object({
  /** Checks of this level and below; 0 for a benchmark without levels. */
  level: z.number(),
  total: z.number(),
  passed: z.number(),
  skipped: z.number(),
  failed: z.number(),
  /** FAIL when any check failed, SKIP when none could be made. */
  status: checkStatus,
  timestamp: z.iso.datetime(),
  /** Of the benchmark, as its version and url. */
  name: z.string(),
  version: z.string(),
  url: z.string(),
  results: z.record(z.string(), checkResult),
});
export type ReportBody = z.infer<typeof reportBody>;

export const reportList = z.array(z.object({ name: z.string(), description: z.string() }));

/** Why a check did not pass stands below it; Bottlerocket's text leaves that out. */
export function reportText({ results, ...report }: ReportBody): string {
  const heading = (label: string, value: string | number): string => `${`${label}:`.padEnd(17)}${value}`;
  return [
    heading("Benchmark name", report.name),
    heading("Version", report.version),
    heading("Reference", report.url),
    heading("Benchmark level", report.level),
    heading("Start time", report.timestamp),
    "",
    ...Object.values(results).flatMap(({ status, id, title, mode, error }) => [
      `[${status}] ${id.padEnd(9)} ${title} (${mode})`,
      ...(error === "" ? [] : [`                 ${error}`]),
    ]),
    "",
    heading("Passed", report.passed),
    heading("Failed", report.failed),
    heading("Skipped", report.skipped),
    heading("Total checks", report.total),
    "",
    `Compliance check result: ${report.status}`,
  ].join("\n");
}
