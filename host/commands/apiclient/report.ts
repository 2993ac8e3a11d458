/** `apiclient report`: how the host stands to benchmarks. */
import { reportText, type ReportBody } from "../../../api/report.ts";
import type { ValuesOf } from "../../../lib/command/command.ts";
import { apiCommand } from "./context.ts";
import { formatOption, type FormatOption } from "./format-option.ts";

const reportFormat = formatOption("the report");

const cisOptions = {
  ...reportFormat,
  level: {
    type: "text",
    value: "LEVEL",
    help: "Checks of this level and below: 1 costs nothing, 2 may keep something from working",
    short: "l",
    choices: ["1", "2"],
    default: "1",
  },
} as const;

const exitCodes = "Exit code 0: no check failed, 1: one did, or the report could not be made.";

export const reportCis = apiCommand({
  name: "report cis",
  summary: "Check the host against the CIS benchmark for Bottlerocket",
  description: exitCodes,
  examples: [
    { run: "apiclient report cis", description: "level 1" },
    { run: "apiclient report cis -l 2 -f json", description: "both levels, for programs" },
  ],
  options: cisOptions,
  run: async ({ api, signal }, { level }) =>
    await (await api()).call("getCisReport", { query: { level: Number(level) }, signal }),
  print: printed,
  exitCode,
});

export const reportCisKubernetes = apiCommand({
  name: "report cis-k8s",
  summary: "Check the node against the CIS benchmark for Kubernetes",
  description: exitCodes,
  examples: [{ run: "apiclient report cis-k8s", description: "what the benchmark asks of a worker node" }],
  options: cisOptions,
  run: async ({ api, signal }, { level }) =>
    await (await api()).call("getCisReport", { query: { level: Number(level), type: "kubernetes" }, signal }),
  print: printed,
  exitCode,
});

export const reportFips = apiCommand({
  name: "report fips",
  summary: "Check whether the host's cryptography is validated by FIPS 140",
  description: `Refused by variants without a validated module. ${exitCodes}`,
  examples: [{ run: "apiclient report fips", description: "the module, and its tests of itself" }],
  options: reportFormat,
  run: async ({ api, signal }) => await (await api()).call("getFipsReport", { query: {}, signal }),
  print: printed,
  exitCode,
});

function printed(report: ReportBody, { format }: ValuesOf<FormatOption, unknown>): string {
  return format === "json" ? JSON.stringify(report) : reportText(report);
}

function exitCode({ status }: ReportBody): number {
  return status === "FAIL" ? 1 : 0;
}
