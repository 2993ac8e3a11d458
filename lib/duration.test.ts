import { expect, test } from "bun:test";
import { formatDuration, parseDuration } from "./duration.ts";

test.each([
  ["90s", 90],
  ["2m", 120],
  ["1h", 3600],
  ["7d", 604_800],
])("%s is %d seconds", (text, seconds) => {
  expect(parseDuration(text)).toBe(seconds);
});

test.each(["", "5", "m", "-1m", "1.5h", "2 m", "1h30m"])("%j is no length of time", (text) => {
  expect(() => parseDuration(text)).toThrow(`a time such as 90s, 2m, 1h or 7d is expected, not "${text}"`);
});

test.each([
  [0.4, "0 s"],
  [45.9, "45 s"],
  [125, "2 min 5 s"],
  [10_800, "3 h"],
  [86_400 * 12 + 14_400 + 59, "12 d 4 h"],
])("%d seconds read %s", (seconds, text) => {
  expect(formatDuration(seconds)).toBe(text);
});
