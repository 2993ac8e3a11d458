import { expect, test } from "bun:test";
import { parseDurationMs } from "./duration.ts";

test.each([
  ["30 seconds", 30_000],
  ["1 second", 1_000],
  ["1 minute", 60_000],
  ["in 4 hours", 14_400_000],
  ["2 weeks", 1_209_600_000],
])("%s", (text, ms) => expect(parseDurationMs(text)).toBe(ms));

test.each(["", "30", "seconds", "-1 seconds", "1.5 hours", "1 month"])("%j is none", (text) => {
  expect(() => parseDurationMs(text)).toThrow("as a duration");
});
