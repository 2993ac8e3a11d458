import { expect, test } from "bun:test";
import type { BootEntry, Standing } from "./boot/boot-entry.ts";
import type { Standings } from "./boot/signpost.ts";
import { lastUpdateOf, type LastUpdateFacts } from "./last-update.ts";

const good: Standing = { kind: "successful" };
const entry = (set: "a" | "b", version: string, standing: Standing): BootEntry => ({
  set,
  priority: 1,
  version,
  standing,
});

/** Runs 0.1.0 from set A. */
function standingsOf(active: Standing, inactive?: Standing, next: "a" | "b" = "a"): Standings {
  const b = inactive === undefined ? {} : { b: entry("b", "0.2.0", inactive) };
  return { active: "a", next, entries: { a: entry("a", "0.1.0", active), ...b } };
}

const lastUpdate = (standings: Standings | undefined, more: Partial<LastUpdateFacts> = {}) =>
  lastUpdateOf({
    running: "0.1.0",
    standings,
    held: [],
    findings: undefined,
    elapsedMs: 60_500,
    command: undefined,
    ...more,
  });

const fresh: Standing = { kind: "trying", left: 1, done: 0 };
const used: Standing = { kind: "trying", left: 0, done: 1 };

test("nothing is under way on a host whose version proved healthy, whatever else is on the other set", () => {
  expect(lastUpdate(undefined)).toBeUndefined();
  expect(lastUpdate(standingsOf(good))).toBeUndefined();
  expect(lastUpdate(standingsOf(good, good))).toBeUndefined();
  expect(lastUpdate(standingsOf(good, { kind: "staged", tries: 1 }))).toBeUndefined();
});

test("a version that boots next is ready, one that runs without proof is on trial with what it lacks", () => {
  expect(lastUpdate(standingsOf(good, fresh, "b"))).toEqual({ stage: "ready", version: "0.2.0" });
  const onTrial = standingsOf(used, good, "b");
  expect(lastUpdate(onTrial)).toEqual({ stage: "on-trial", version: "0.1.0", missing: [] });
  const missing = ["no link"];
  const seen = { stage: "on-trial", version: "0.1.0", missing } as const;
  expect(lastUpdate(onTrial, { findings: { missing, deadlineMs: 180_000 } })).toEqual({ ...seen, secondsLeft: 120 });
  expect(lastUpdate(onTrial, { findings: { missing, deadlineMs: 60_000 } })).toEqual({ ...seen, secondsLeft: 0 });
});

test("a version that was started and is not the one that runs is what the host went back from", () => {
  const at = "2026-01-31T18:30:00.000Z";
  expect(lastUpdate(standingsOf(good, used))).toEqual({ stage: "went-back", version: "0.2.0" });
  expect(lastUpdate(standingsOf(good, used), { held: [{ version: "0.2.0", at, reason: "no link" }] })).toEqual({
    stage: "went-back",
    version: "0.2.0",
    at,
    reason: "no link",
  });
});

test("a command at work comes before what happened earlier, and after what happens now", () => {
  const working = { stage: "working", command: "prepare" } as const;
  expect(lastUpdate(undefined, { command: "prepare" })).toEqual(working);
  expect(lastUpdate(standingsOf(good), { command: "prepare" })).toEqual(working);
  expect(lastUpdate(standingsOf(good, used), { command: "prepare" })).toEqual(working);
  expect(lastUpdate(standingsOf(good, fresh, "b"), { command: "refresh" })).toMatchObject({ stage: "ready" });
  expect(lastUpdate(standingsOf(used, good), { command: "refresh" })).toMatchObject({ stage: "on-trial" });
});
