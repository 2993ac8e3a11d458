/** Protects acknowledged commits from power loss: a short look with seeds that the clock chooses, and the looker itself. */
import { expect, test } from "bun:test";
import { simulateDatastore } from "./simulate.ts";
import { scenarioOf } from "./simulate-events.ts";
import { runScenario } from "./simulate-datastore.ts";
import { shortest } from "./simulate-shrink.ts";

const never = new AbortController().signal;

test("no life of a datastore breaks a promise", async () => {
  const report = await simulateDatastore(Date.now() % 1_000_000_000, { seconds: 2 }, never);
  expect(report.failure).toBeUndefined();
  expect(report.lives).toBeGreaterThan(0);
});

test("a seed is the whole story", async () => {
  const scenario = scenarioOf(7);
  expect(scenarioOf(7)).toEqual(scenario);
  expect(await runScenario(scenario)).toEqual(await runScenario(scenario));
});

test("it stops when it has seen enough", async () => {
  expect((await simulateDatastore(1, { lives: 2 }, never)).lives).toBe(2);
  const { crashStates } = await simulateDatastore(1, { crashStates: 5 }, never);
  expect(crashStates).toBeGreaterThanOrEqual(5);
});

test("it ends when it is interrupted", async () => {
  const stop = new AbortController();
  setTimeout(() => stop.abort(new Error("interrupted")), 50);
  expect(simulateDatastore(1, { seconds: 20 }, stop.signal)).rejects.toThrow("interrupted");
});

test("the shortest list of events is found that still goes wrong", async () => {
  const numbers = Array.from({ length: 60 }, (_, index) => index);
  const fails = (items: readonly number[]): Promise<boolean> =>
    Promise.resolve(items.includes(7) && items.includes(31) && items.includes(32));
  expect(await shortest(numbers, fails)).toEqual([7, 31, 32]);
});
