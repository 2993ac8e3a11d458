/** When a version on trial goes back, for people; its subject is the version. */
import { formatDuration } from "../lib/duration.ts";
import type { LastUpdate } from "./status.ts";

export function updateTrialText({ secondsLeft }: Extract<LastUpdate, { stage: "on-trial" }>): string {
  const when = secondsLeft === undefined ? "" : ` in ${formatDuration(secondsLeft)}`;
  return `goes back by itself${when} unless it proves healthy`;
}
