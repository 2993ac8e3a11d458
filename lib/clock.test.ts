import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { deadline, machineClock, within } from "./clock.ts";

test("a deadline counts down by the time that elapsed, and never below nothing", () => {
  let elapsedMs = 5_000;
  const end = deadline({ elapsedMs: () => elapsedMs }, 300);
  expect([end.passed, end.leftMs]).toEqual([false, 300]);
  elapsedMs += 299;
  expect([end.passed, end.leftMs]).toEqual([false, 1]);
  elapsedMs += 1;
  expect([end.passed, end.leftMs]).toEqual([true, 0]);
  elapsedMs += 1000;
  expect([end.passed, end.leftMs]).toEqual([true, 0]);
});

test("time elapses since the machine started", async () => {
  const [before, uptime, after] = [
    machineClock.elapsedMs(),
    Number((await readFile("/proc/uptime", "latin1")).split(" ", 1)[0]) * 1000,
    machineClock.elapsedMs(),
  ];
  expect(uptime).toBeGreaterThan(before - 20); // it counts in hundredths of a second, rounded down
  expect(uptime).toBeLessThanOrEqual(after);
});

test("a sleep is never shorter than was asked, and an aborted one ends with the reason", async () => {
  const startedMs = machineClock.elapsedMs();
  await machineClock.sleep(30);
  expect(machineClock.elapsedMs() - startedMs).toBeGreaterThanOrEqual(30);

  const stop = new AbortController();
  const sleeping = machineClock.sleep(60_000, stop.signal);
  stop.abort(new Error("enough"));
  await expect(sleeping).rejects.toThrow("enough");
  await expect(machineClock.sleep(0, stop.signal)).rejects.toThrow("enough");
});

test("what comes in time is given, what does not is not waited for, and the loser of the two ends", async () => {
  let waiting = 0;
  const clock = {
    async sleep(ms: number, signal?: AbortSignal) {
      waiting++;
      await machineClock.sleep(ms, signal).finally(() => waiting--);
    },
  };
  expect(await within(clock, 60_000, Promise.resolve("soon"))).toBe("soon");
  await expect(within(clock, 60_000, Promise.reject(new Error("it broke")))).rejects.toThrow("it broke");
  expect(await within(clock, 1, Promise.withResolvers<string>().promise)).toBeUndefined();
  await machineClock.sleep(1);
  expect(waiting).toBe(0);
});

test("a sleep of months does not end at once", async () => {
  const stop = new AbortController();
  let isOver = false;
  const sleeping = machineClock.sleep(100 * 86_400_000, stop.signal).finally(() => (isOver = true));
  await machineClock.sleep(50);
  expect(isOver).toBe(false);
  stop.abort(new Error("enough"));
  await expect(sleeping).rejects.toThrow("enough");
});
