/** How the host stands to benchmarks. */
import { z } from "zod";
import { reportBody, reportList } from "../report.ts";
import type { Endpoint } from "./endpoint.ts";
import { noQuery, textFormat, wholeNumber } from "./query.ts";

export const reportEndpoints = {
  getReports: {
    method: "GET",
    path: "/report",
    summary: "The reports that this host can make",
    role: "read-only",
    remote: true,
    query: noQuery,
    answers: { 200: reportList },
    refusals: [],
  },
  getCisReport: {
    method: "GET",
    path: "/report/cis",
    summary: "How the host stands to the CIS benchmark for Bottlerocket, or its node to the one for Kubernetes",
    role: "read-only",
    remote: true,
    query: z.object({
      level: wholeNumber(1, 2).optional(),
      format: textFormat.optional(),
      type: z.enum(["bottlerocket", "kubernetes"]).optional(),
    }),
    answers: { 200: reportBody },
    text: "application/text",
    refusals: [404],
  },
  getFipsReport: {
    method: "GET",
    path: "/report/fips",
    summary: "Whether the host runs a cryptographic module that is validated by FIPS 140",
    role: "read-only",
    remote: true,
    query: z.object({ format: textFormat.optional() }),
    answers: { 200: reportBody },
    text: "application/text",
    refusals: [404],
  },
} as const satisfies Record<string, Endpoint>;
