/** A benchmark is a list of checks; a report is what each of them found on this host. */
import type { CheckResult, CheckStatus, ReportBody } from "../../api/report.ts";
import { messageOf } from "../../lib/failure.ts";
import type { System } from "../machine/system.ts";

export type CheckOutcome = { status: CheckStatus; error: string };

export const passed: CheckOutcome = { status: "PASS", error: "" };
export const failed = (error: string): CheckOutcome => ({ status: "FAIL", error });
export const skipped = (error: string): CheckOutcome => ({ status: "SKIP", error });

/** Passed unless there is something wrong. */
export function withoutFaults(faults: readonly string[]): CheckOutcome {
  return faults.length === 0 ? passed : failed(faults.join("; "));
}

export type Check = {
  /** Of the benchmark: "1.4.2". */
  id: string;
  level: 0 | 1 | 2;
  title: string;
  /** Without it, only a person can tell. */
  look?: (system: System) => Promise<CheckOutcome>;
};

export type Benchmark = {
  name: string;
  version: string;
  url: string;
  /** Of the names of its checks. */
  prefix: string;
  checks: readonly Check[];
};

/** Every check of the level and below, one after the other. What cannot be looked at is skipped, with the reason. */
export async function reportOn(
  { checks, prefix, ...benchmark }: Benchmark,
  level: Check["level"],
  system: System,
): Promise<ReportBody> {
  const timestamp = system.clock.now().toISOString();
  const results: CheckResult[] = [];
  for (const check of checks.filter((each) => each.level <= level)) {
    const { look, ...known } = check;
    const mode = look === undefined ? "Manual" : "Automatic";
    results.push({ name: nameOf(prefix, check), ...known, mode, ...(await outcomeOf(check, system)) });
  }
  const count = (status: CheckStatus): number => results.filter((result) => result.status === status).length;
  return {
    level,
    total: results.length,
    passed: count("PASS"),
    skipped: count("SKIP"),
    failed: count("FAIL"),
    status: count("FAIL") > 0 ? "FAIL" : count("PASS") > 0 ? "PASS" : "SKIP",
    timestamp,
    ...benchmark,
    results: Object.fromEntries(results.map((result) => [result.name, result])),
  };
}

async function outcomeOf({ look }: Check, system: System): Promise<CheckOutcome> {
  if (look === undefined) return skipped("only a person can tell: the benchmark says how");
  try {
    return await look(system);
  } catch (error) {
    return skipped(`cannot tell: ${messageOf(error)}`);
  }
}

/** Four numbers of two digits, as bloodhound calls its checkers. */
function nameOf(prefix: string, { id }: Check): string {
  const numbers = id.split(".");
  return prefix + Array.from({ length: 4 }, (_, at) => (numbers[at] ?? "0").padStart(2, "0")).join("");
}
