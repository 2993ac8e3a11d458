import { expect, test } from "bun:test";
import { formatDuration, parseDuration } from "./duration.ts";

test.each([
  ["90s", 90],
  ["2m", 120],
  ["1h", 3600],
  ["7d", 604_800],
  ["2w", 1_209_600],
  ["30 seconds", 30],
  ["1 minute", 60],
  ["in 4 hours", 14_400],
  ["2 weeks", 1_209_600],
])("%s is %d seconds", (text, seconds) => {
  expect(parseDuration(text)).toBe(seconds);
});

test.each(["", "5", "m", "-1m", "1.5h", "2 m", "1h30m", "1.5 hours", "1 month", "in 5m"])(
  "%j is no length of time",
  (text) => {
    expect(() => parseDuration(text)).toThrow(`a time such as 90s, 2m, 1h, 7d or "2 weeks" is expected, not "${text}"`);
  },
);

test.each([
  [0, "0 s"],
  [0.44, "0.4 s"],
  [9.96, "10 s"],
  [45.2, "45 s"],
  [59.96, "1 min"],
  [119.6, "2 min"],
  [125, "2 min 5 s"],
  [3599.7, "1 h"],
  [10_800, "3 h"],
  [86_400 * 12 + 14_400 + 59, "12 d 4 h"],
])("%d seconds read %s", (seconds, text) => {
  expect(formatDuration(seconds)).toBe(text);
});
