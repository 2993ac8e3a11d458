/** A secret that was replaced is gone from the disk when somebody asks for it, and nothing else is lost by that. */
import { expect, test } from "bun:test";
import type { Datastore } from "./datastore.ts";
import type { LogDisk } from "./log/disk.ts";
import { datastoreOn, simulatedDisk, someone } from "../../test/worlds/host/datastore.ts";

const old = "the-old-password";

const forget = async (store: Datastore, named: string) => await store.forget(named, (key) => key === named, someone);

async function contentOf(disk: LogDisk): Promise<string> {
  const files = await Promise.all(
    (await disk.list()).map(async (name) => Buffer.from(await disk.read(name)).toString()),
  );
  return files.join("\n");
}

test("what a key was is forgotten with the history in which it stands, and who asked for it is kept", async () => {
  const disk = simulatedDisk();
  {
    await using host = await datastoreOn(disk);
    await host.set({ password: old, motd: "one" });
    await host.store.markGoodBoot();
    await host.set({ password: "new", motd: "two" });
    expect(await contentOf(disk)).toContain(old);
    expect(await forget(host.store, "password")).toEqual({ upTo: 2, version: 3 });
    expect(await contentOf(disk)).not.toContain(old);
    expect(Object.fromEntries(host.store.values)).toEqual({ password: "new", motd: "two" });
    const [entry, ...others] = await host.store.history();
    expect(others).toEqual([]);
    expect(entry).toMatchObject({
      version: 3,
      by: someone,
      message: "forget what password was, and the history up to version 2",
    });
    // The last good boot has its other settings, and may be returned to.
    expect(Object.fromEntries(await host.store.valuesAt(1))).toEqual({ password: "new", motd: "one" });
    await host.set({ motd: "three" });
  }
  await using host = await datastoreOn(disk);
  expect(host.store.repairs).toEqual([]);
  expect([host.store.version, host.store.values.get("motd")]).toEqual([4, "three"]);
  expect(Object.fromEntries(await host.store.valuesAt(1))).toEqual({ password: "new", motd: "one" });
  expect(await contentOf(disk)).not.toContain(old);
});

test("a key that was deleted is forgotten too, and newer history that has no value of it stays", async () => {
  const disk = simulatedDisk();
  {
    await using host = await datastoreOn(disk);
    await host.set({ password: old });
    await host.set({ password: null });
  }
  await using host = await datastoreOn(disk); // what this process appends is in another segment
  await host.set({ motd: "kept" });
  expect(await forget(host.store, "password")).toEqual({ upTo: 2, version: 4 });
  expect((await host.store.history()).map(({ version }) => version)).toEqual([4, 3]);
  expect(await contentOf(disk)).not.toContain(old);
});

test("nothing is forgotten where a key never was anything else", async () => {
  const disk = simulatedDisk();
  await using host = await datastoreOn(disk);
  await host.set({ password: "only", motd: "one" });
  await host.set({ motd: "two" });
  const before = await contentOf(disk);
  expect(await forget(host.store, "password")).toBeUndefined();
  expect(await forget(host.store, "never-set")).toBeUndefined();
  expect(await contentOf(disk)).toBe(before);
});

test("commits that come meanwhile are before it or after it, and none is lost", async () => {
  await using host = await datastoreOn(simulatedDisk());
  await host.set({ password: old });
  await host.set({ password: "new" });
  const commits = Array.from(
    { length: 20 },
    async (_, at) => await host.store.change(new Map([[`key-${at}`, at]]), someone, "x"),
  );
  const forgotten = forget(host.store, "password");
  const later = Array.from(
    { length: 20 },
    async (_, at) => await host.store.change(new Map([[`late-${at}`, at]]), someone, "x"),
  );
  await Promise.all([...commits, forgotten, ...later]);
  expect(host.store.values.size).toBe(41);
  expect((await host.store.history()).map(({ version }) => version).toSorted((a, b) => a - b)).toEqual(
    Array.from({ length: 21 }, (_, at) => 23 + at),
  );
});

test("power may fail at any moment of it: the settings are those of now, and whoever asks again is obeyed", async () => {
  for (let operations = 0; ; operations++) {
    const disk = simulatedDisk();
    await using host = await datastoreOn(disk);
    await host.set({ password: old, motd: "one" });
    await host.store.markGoodBoot();
    await host.set({ password: "new" });
    disk.cutPowerAfter(operations);
    const outcome = await forget(host.store, "password").catch((error: unknown) => error);
    for (const seed of [1, 2, 3]) {
      const after = disk.afterPowerLoss(seed);
      await using again = await datastoreOn(after);
      expect([operations, Object.fromEntries(again.store.values)]).toEqual([
        operations,
        { password: "new", motd: "one" },
      ]);
      await forget(again.store, "password");
      expect([operations, (await contentOf(after)).includes(old)]).toEqual([operations, false]);
    }
    if (!(outcome instanceof Error)) return;
    expect(operations).toBeLessThan(100);
  }
});
