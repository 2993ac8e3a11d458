import { expect, test } from "bun:test";
import { partSummaries, updateRuns } from "./update-parts.ts";

const event = (minute: number, name: string, reason: string) => ({
  at: new Date(Date.UTC(2026, 11, 1, 12, minute)).toISOString(),
  kind: "Node",
  name,
  reason,
  message: "",
});

const minutes = (count: number): number => count * 60_000;

test("each part of an update is timed by what the operator noted, and only whole updates count as such", () => {
  const runs = updateRuns([
    event(0, "a", "Draining"),
    event(1, "b", "Draining"),
    event(2, "a", "Rebooting"),
    event(5, "a", "Soaking"),
    event(6, "a", "Updated"),
    event(31, "b", "GivenBack"),
    event(40, "c", "Soaking"), // its beginning is forgotten
    event(41, "d", "Draining"),
  ]);
  expect(runs.map(({ node, wholeMs, end }) => [node, wholeMs, end])).toEqual([
    ["a", minutes(6), "Updated"],
    ["b", minutes(30), "GivenBack"],
    ["d", undefined, undefined],
  ]);
  expect(
    partSummaries(runs).map(({ part, count, longestMs, longestNode }) => [part, count, longestMs, longestNode]),
  ).toEqual([
    ["drain", 1, minutes(2), "a"],
    ["reboot", 1, minutes(3), "a"],
    ["soak", 1, minutes(1), "a"],
    ["whole", 1, minutes(6), "a"],
  ]);
});

test("half of the nodes, nine of ten, and the longest", () => {
  const events = Array.from({ length: 20 }, (_, index) => [
    event(0, `n${index}`, "Draining"),
    event(index + 1, `n${index}`, "Rebooting"),
  ]).flat();
  expect(partSummaries(updateRuns(events))[0]).toMatchObject({
    count: 20,
    medianMs: minutes(11),
    ninthMs: minutes(19),
    longestMs: minutes(20),
    longestNode: "n19",
  });
});
