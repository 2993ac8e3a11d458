/** Changes on trial: `apiclient try`, `confirm` and `revert`. */
import { trialSeconds } from "../../../../api/endpoints/query.ts";
import { parseDuration } from "../../../../lib/duration.ts";
import { Failure } from "../../../../lib/failure.ts";
import { appliedResult } from "./applied-text.ts";
import { apiCommand } from "../context.ts";

export const tryOptions = {
  for: {
    type: "text",
    value: "TIME",
    help: "How long to wait for `apiclient confirm`, for example 90s, 2m or 1h",
    default: "2m",
    parse: trialTime,
  },
} as const;

function trialTime(text: string): number {
  const seconds = parseDuration(text);
  const { least, most } = trialSeconds;
  if (seconds >= least && seconds <= most) return seconds;
  throw new Failure("bad-duration", `between ${least}s and ${most / 3600}h are expected, not ${text}`);
}

export const confirm = apiCommand({
  name: "confirm",
  summary: "Keep the settings that are on trial",
  examples: [{ run: "apiclient confirm", description: "ends the trial; the settings stay" }],
  async run({ api, signal }) {
    await (await api()).call("confirm", { signal });
  },
});

export const revert = apiCommand({
  name: "revert",
  summary: "End the trial now and return to the settings before it",
  examples: [{ run: "apiclient revert", description: "does not wait for the time to run out" }],
  run: async ({ api, signal }) => await (await api()).call("revert", { query: { wait: true }, signal }),
  ...appliedResult,
});
