/** `--timeout`, for verbs that wait. */
import { parseDuration } from "../../../../lib/duration.ts";
import type { TextOption } from "../../../../lib/command/command.ts";

export function timeoutOption<Default extends string>(standard: Default) {
  return {
    type: "text",
    value: "TIME",
    help: "How long to wait, for example 90s, 10m or 2h; 0s looks once",
    default: standard,
    parse: parseDuration,
  } as const satisfies TextOption;
}
