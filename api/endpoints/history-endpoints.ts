/** What was changed, and going back: history, undo, restore, and settings on trial. Bottlerocket has none of it. */
import { z } from "zod";
import * as answers from "../answers.ts";
import type { Endpoint } from "./endpoint.ts";
import { flag, moment, noQuery, wholeNumber } from "./query.ts";

export const historyEndpoints = {
  getHistory: {
    method: "GET",
    path: "/history",
    summary:
      "Committed transactions, programs that were run in host containers, and orders of a fleet, newest first: who, when, what",
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
    refusals: [404, 409, 422, 423],
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
    refusals: [404, 409, 422, 423],
  },
  forget: {
    method: "POST",
    path: "/actions/forget",
    summary: "Take from the disk what a setting was before, with the history in which it stands",
    role: "admin",
    remote: true,
    query: z.object({ key: z.string().min(1, "must not be empty") }),
    answers: { 200: answers.forgotten },
    refusals: [404, 409],
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
} as const satisfies Record<string, Endpoint>;
