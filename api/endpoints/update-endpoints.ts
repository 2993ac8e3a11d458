/** Updates: looking for them, writing one, making it boot next, and what holds one. */
import { z } from "zod";
import { updateExplanation, updateStatus } from "../status.ts";
import type { Endpoint } from "./endpoint.ts";
import { flag, noQuery } from "./query.ts";

export const updateEndpoints = {
  refreshUpdates: updateAction("/actions/refresh-updates", "Look for updates"),
  prepareUpdate: updateAction("/actions/prepare-update", "Write the chosen update to the inactive partition set"),
  activateUpdate: updateAction("/actions/activate-update", "Make the written update boot next"),
  deactivateUpdate: updateAction("/actions/deactivate-update", "Make the running image boot next again"),
  getUpdateStatus: {
    method: "GET",
    path: "/updates/status",
    summary:
      "State of updates and result of the last update action; 423 while one runs, unless progress=1 asks how far it is",
    role: "read-only",
    remote: true,
    query: z.object({ progress: flag.optional() }),
    answers: { 200: updateStatus },
    refusals: [404, 423],
  },
  // Not in Bottlerocket:
  explainUpdates: {
    method: "GET",
    path: "/updates/explain",
    summary: "Look for updates, and say when this host sees which version and what holds the others; chooses nothing",
    role: "read-only",
    remote: true,
    query: noQuery,
    answers: { 200: updateExplanation },
    refusals: [409],
  },
  releaseUpdate: {
    method: "POST",
    path: "/actions/release-update",
    summary: "Let a version that failed on this host be tried again",
    role: "operator",
    remote: true,
    query: z.object({ version: z.string().min(1, "must not be empty") }),
    answers: { 204: "nothing" },
    refusals: [404, 409, 423],
  },
} as const satisfies Record<string, Endpoint>;

function updateAction<Path extends `/actions/${string}`>(path: Path, summary: string) {
  return {
    method: "POST",
    path,
    summary,
    role: "operator",
    remote: true,
    query: noQuery,
    answers: { 204: "nothing" },
    refusals: [404, 409, 423],
  } as const satisfies Endpoint;
}
