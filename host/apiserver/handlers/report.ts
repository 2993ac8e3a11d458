/** How the host stands to benchmarks, and what its TPM signs of it. */
import { Refused } from "../../../api/client/refused.ts";
import { endpoints } from "../../../api/endpoints/contract.ts";
import { reportText, type ReportBody } from "../../../api/report.ts";
import type { Orchestrator } from "../../../variants/variant.ts";
import { reportOn, type Benchmark } from "../../report/benchmark.ts";
import { cisBottlerocket } from "../../report/cis.ts";
import { cisKubernetes } from "../../report/cis-kubernetes.ts";
import type { ApiContext } from "../context.ts";
import { TextReply } from "../server/reply.ts";
import type { Handlers } from "../handler.ts";

type Names = "getReports" | "getCisReport" | "getFipsReport" | "getAttestation";

export function reportHandlers({ system, facts, attestation }: ApiContext): Handlers<Names> {
  const { name: variant, orchestrator } = facts.variant;
  return {
    getReports: () => benchmarksOf(orchestrator).map(({ name, benchmark }) => ({ name, description: benchmark.name })),
    async getCisReport({ query: { level = 1, format, type = "bottlerocket" } }) {
      if (type === "kubernetes" && orchestrator.kind !== "kubernetes") {
        throw new Refused("no-such-report", `cannot report on a Kubernetes node: variant ${variant} has no kubelet`);
      }
      const benchmark = type === "kubernetes" ? cisKubernetes : cisBottlerocket;
      const report = await reportOn(benchmark, level === 1 ? 1 : 2, system);
      return format === "json" ? report : textOf(report);
    },
    getAttestation: async ({ query: { nonce } }) => await attestation.evidence(nonce),
    getFipsReport() {
      throw new Refused(
        "no-such-report",
        `cannot report on FIPS 140: variant ${variant} has no cryptographic module that was validated`,
      );
    },
  };
}

/** By the names that `apiclient report` has for them. */
function benchmarksOf({ kind }: Orchestrator): { name: string; benchmark: Benchmark }[] {
  const node = kind === "kubernetes" ? [{ name: "cis-k8s", benchmark: cisKubernetes }] : [];
  return [{ name: "cis", benchmark: cisBottlerocket }, ...node];
}

function textOf(report: ReportBody): TextReply {
  return new TextReply(reportText(report).split("\n"), endpoints.getCisReport.text);
}
