/** Protects: acknowledged commits and bootable sets from power loss; a short look with seeds that the clock chooses. */
import { afterAll, expect, test } from "bun:test";
import { datastoreSubject, simulate, updateSubject } from "./simulate.ts";
import { scenarioOf } from "./simulate-events.ts";
import { shortest } from "./simulate-shrink.ts";
import { updateScenarioOf } from "./simulate-update-events.ts";

const never = new AbortController().signal;
const datastore = datastoreSubject();
const updates = await updateSubject();
afterAll(async () => await updates[Symbol.asyncDispose]());

test.each(["datastore", "update"])(
  "no life of the %s breaks a promise",
  async (name) => {
    const [seed, until] = [Date.now() % 1_000_000_000, { seconds: 2 }];
    const report =
      name === "update" ? await simulate(updates, seed, until, never) : await simulate(datastore, seed, until, never);
    expect(report.failure).toBeUndefined();
    expect(report.lives).toBeGreaterThan(0);
    expect(report.crashStates).toBeGreaterThan(0);
  },
  30_000,
);

test("a seed is the whole story", async () => {
  const { events } = datastore.lifeOf(7);
  const outcome = await datastore.liveAgain(7, events);
  expect(outcome.crashStates).toBeGreaterThan(0);
  expect(await datastore.live(7)).toEqual(outcome);
  const ofUpdate = await updates.liveAgain(7, updates.lifeOf(7).events);
  expect(ofUpdate.crashStates).toBeGreaterThan(0);
  expect(await updates.live(7)).toEqual(ofUpdate);
}, 30_000);

test("the same seed makes the same events", () => {
  expect(scenarioOf(7)).toEqual(scenarioOf(7));
  expect(updateScenarioOf(7, 6)).toEqual(updateScenarioOf(7, 6));
});

test("it stops when it has seen enough", async () => {
  expect((await simulate(datastore, 1, { lives: 2 }, never)).lives).toBe(2);
  const { crashStates } = await simulate(datastore, 1, { crashStates: 5 }, never);
  expect(crashStates).toBeGreaterThanOrEqual(5);
});

test("it ends when it is interrupted", async () => {
  const stop = new AbortController();
  setTimeout(() => stop.abort(new Error("interrupted")), 50);
  expect(simulate(datastore, 1, { seconds: 20 }, stop.signal)).rejects.toThrow("interrupted");
});

test("the shortest list of events is found that still goes wrong", async () => {
  const numbers = Array.from({ length: 60 }, (_, index) => index);
  const fails = (items: readonly number[]): Promise<boolean> =>
    Promise.resolve(items.includes(7) && items.includes(31) && items.includes(32));
  expect(await shortest(numbers, fails)).toEqual([7, 31, 32]);
});
