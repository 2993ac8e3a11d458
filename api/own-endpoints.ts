/** The endpoints that Bottlerocket does not have: planning, going back, trials, status, and what explains updates. */
import { z } from "zod";
import * as answers from "./answers.ts";
import type { Endpoint } from "./endpoint.ts";
import { flag, keyList, moment, transactionName, wholeNumber } from "./query.ts";
import { status, updateExplanation } from "./status.ts";

const noQuery = z.object({});
const tx = transactionName.optional();

export const ownEndpoints = {
  deleteSettings: {
    method: "DELETE",
    path: "/settings",
    summary: "Stage the return of settings, and of all below them, to their defaults",
    role: "admin",
    remote: true,
    query: z.object({ keys: keyList, tx }),
    answers: { 204: "nothing" },
    refusals: [404],
  },
  plan: {
    method: "POST",
    path: "/plan",
    summary: "What a change would do: keys, files, units and whether a reboot is needed",
    role: "operator",
    remote: true,
    query: z.object({ tx }),
    body: answers.planRequest.optional(),
    answers: { 200: answers.plan },
    refusals: [404],
  },
  getHistory: {
    method: "GET",
    path: "/history",
    summary: "Committed transactions, newest first: who, when, what",
    role: "read-only",
    remote: true,
    query: z.object({ limit: wholeNumber(1, 10_000).optional() }),
    answers: { 200: answers.history },
    refusals: [],
  },
  undo: {
    method: "POST",
    path: "/actions/undo",
    summary:
      "Take back the changes of one transaction, the newest that a client made unless a version is named, and apply",
    role: "admin",
    remote: true,
    query: z.object({ version: wholeNumber(1, Number.MAX_SAFE_INTEGER).optional(), wait: flag.optional() }),
    answers: { 200: answers.applied },
    refusals: [404, 409, 422],
  },
  restore: {
    method: "POST",
    path: "/actions/restore",
    summary: "Return all settings to a version, to a moment, or to the last boot that succeeded, and apply",
    role: "admin",
    remote: true,
    query: z.object({
      version: wholeNumber(0, Number.MAX_SAFE_INTEGER).optional(),
      time: moment.optional(),
      "last-good-boot": flag.optional(),
      wait: flag.optional(),
    }),
    answers: { 200: answers.applied },
    refusals: [404, 409, 422],
  },
  confirm: {
    method: "POST",
    path: "/actions/confirm",
    summary: "Keep the settings that are on trial",
    role: "operator",
    remote: true,
    query: noQuery,
    answers: { 204: "nothing" },
    refusals: [409],
  },
  revert: {
    method: "POST",
    path: "/actions/revert",
    summary: "End the trial now: return to the settings before it, and apply",
    role: "operator",
    remote: true,
    query: z.object({ wait: flag.optional() }),
    answers: { 200: answers.applied },
    refusals: [409],
  },
  getStatus: {
    method: "GET",
    path: "/status",
    summary: "What the host is, how its boot went, and what is failing",
    role: "read-only",
    remote: true,
    query: noQuery,
    answers: { 200: status },
    refusals: [],
  },
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
  getOpenApi: {
    method: "GET",
    path: "/openapi.json",
    summary: "This API as an OpenAPI 3.1 document",
    role: "read-only",
    remote: true,
    query: noQuery,
    answers: { 200: answers.settingsTree },
    refusals: [],
  },
} as const satisfies Record<string, Endpoint>;
