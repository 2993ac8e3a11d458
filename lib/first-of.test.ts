import { expect, test } from "bun:test";
import { firstOf } from "./first-of.ts";

const never = (signal: AbortSignal): Promise<string> =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));

test("the first to settle wins and the losers have ended when it returns", async () => {
  let ended = false;
  const loser = async (signal: AbortSignal): Promise<string> => {
    try {
      return await never(signal);
    } finally {
      ended = true;
    }
  };
  expect(await firstOf(new AbortController().signal, [loser, async () => "fast"])).toBe("fast");
  expect(ended).toBe(true);
});

test("a signal that aborts ends the race with its reason", async () => {
  const controller = new AbortController();
  const race = firstOf(controller.signal, [never, never]);
  controller.abort(new Error("enough"));
  await expect(race).rejects.toThrow("enough");
});

test("a signal that has aborted already starts nothing", async () => {
  let started = false;
  const contender = async (): Promise<void> => void (started = true);
  await expect(firstOf(AbortSignal.abort(new Error("late")), [contender])).rejects.toThrow("late");
  expect(started).toBe(false);
});
