/** Protects: acknowledged commits and bootable sets from power loss; a short look with seeds that the clock chooses. */
import { afterAll, expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Storage } from "../../host/machine/storage.ts";
import { datastoreSubject, keptSubject, simulate, updateSubject } from "./simulate.ts";
import { shippedRootPath } from "../../host/update/fetch/trusted-repository.ts";
import { lockPath, readShippedRoot, TufState } from "../../host/update/fetch/tuf-state.ts";
import { openLocked } from "../../lib/files/file-lock.ts";
import { scenarioOf } from "./lives/datastore-events.ts";
import { Violation } from "./lives/datastore-model.ts";
import { shortest } from "./shrink.ts";
import { updateScenarioOf } from "./lives/update-events.ts";
import { UpdateMachine } from "./lives/update-machine.ts";
import { UpdatePromises } from "./lives/update-promises.ts";
import { updateWorld } from "./lives/update-world.ts";

const never = new AbortController().signal;
const datastore = datastoreSubject();
const updates = await updateSubject();
const kept = await keptSubject();
afterAll(async () => await updates[Symbol.asyncDispose]());
afterAll(async () => await kept[Symbol.asyncDispose]());

const lives = {
  datastore: async (seed: number) => await simulate(datastore, seed, { seconds: 2 }, never),
  update: async (seed: number) => await simulate(updates, seed, { seconds: 2 }, never),
  kept: async (seed: number) => await simulate(kept, seed, { seconds: 2 }, never),
};

test.each(Object.entries(lives))(
  "no life of the subject %s breaks a promise",
  async (_, live) => {
    const report = await live(Date.now() % 1_000_000_000);
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
  const ofKept = await kept.liveAgain(7, kept.lifeOf(7).events);
  expect(ofKept.crashStates).toBeGreaterThan(0);
  expect(await kept.live(7)).toEqual(ofKept);
}, 30_000);

/** Of directories, but for those of logs, which sync their names themselves. */
const isKept = (directory: string): boolean => !directory.endsWith("/datastore");

/** Stores that forget one thing each. */
const forgetful: Readonly<Record<string, (storage: Storage) => Storage>> = {
  "the sync of a directory after a removal"(storage) {
    let removed = false;
    return {
      ...storage,
      async remove(path) {
        await storage.remove(path);
        removed = true;
      },
      async syncDirectory(path) {
        const isForgotten = removed && isKept(path);
        removed = false;
        if (!isForgotten) await storage.syncDirectory(path);
      },
    };
  },
  "the sync of a directory after a write"(storage) {
    let renamed = false;
    return {
      ...storage,
      async rename(from, to) {
        await storage.rename(from, to);
        renamed = true;
      },
      async syncDirectory(path) {
        const isForgotten = renamed && isKept(path);
        renamed = false;
        if (!isForgotten) await storage.syncDirectory(path);
      },
    };
  },
  "the sync of what was written": (storage) => ({
    ...storage,
    async create(path, mode) {
      const file = await storage.create(path, mode);
      return path.includes("/datastore/") ? file : { ...file, sync: async () => await Promise.resolve() };
    },
  }),
  "the sync of a directory in which one was made": (storage) => ({
    ...storage,
    async makeDirectory(path, mode) {
      await storage.makeDirectory(path, mode);
      return undefined;
    },
  }),
};

test.each(Object.entries(forgetful))(
  "a store that forgets %s breaks a promise",
  async (_, faulty) => {
    await using subject = await keptSubject(faulty);
    let failed: unknown;
    for (let seed = 1; seed <= 40 && failed === undefined; seed++) failed = (await subject.live(seed)).failed?.error;
    expect(failed).toBeInstanceOf(Violation);
  },
  60_000,
);

test("a machine that branches off leaves what a client of the first one is at work on", async () => {
  await using world = await updateWorld();
  const scenario = updateScenarioOf(1, world.releases.length);
  await using machine = new UpdateMachine(world, scenario, new UpdatePromises(world, scenario));
  machine.install();
  await machine.start();
  const { system } = machine.running;
  await using work = await new TufState(system).open(await readShippedRoot(join(system.root, shippedRootPath)), never);

  await using branch = machine.branch(machine.storage.afterPowerLoss(1));
  await branch.start();
  await branch.command("refresh"); // does not wait for the client

  expect(await readdir(work.directory)).toEqual(["root.json"]);
  expect(await openLocked(join(system.root, lockPath))).toBeUndefined();
});

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
  await expect(simulate(datastore, 1, { seconds: 20 }, stop.signal)).rejects.toThrow("interrupted");
});

test("the shortest list of events is found that still goes wrong", async () => {
  const numbers = Array.from({ length: 60 }, (_, index) => index);
  const fails = (items: readonly number[]): Promise<boolean> =>
    Promise.resolve(items.includes(7) && items.includes(31) && items.includes(32));
  expect(await shortest(numbers, fails)).toEqual([7, 31, 32]);
});
