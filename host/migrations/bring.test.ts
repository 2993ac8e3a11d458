/** Protects: settings follow a renamed or retyped key, never half, and are as they were after the way back. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import fc from "fast-check";
import { realFiles } from "../../lib/files/files.ts";
import type { Json } from "../../lib/text/json.ts";
import { testSystem, type TestSystem } from "../../test/worlds/host/system.ts";
import { Datastore } from "../datastore/datastore.ts";
import { directoryDisk } from "../datastore/log/disk.ts";
import { migrationName, parseMigration, type Migration } from "../../settings/migrations/migration.ts";
import type { System } from "../machine/system.ts";
import { bringToForm } from "./bring.ts";
import { reverted, migrated, refusing } from "./migration.ts";
import { rehearse } from "./rehearse.ts";

const rename: Migration = {
  version: "1.1.0",
  summary: "rename settings.old to settings.new",
  steps: [{ do: "rename", from: "settings.old", to: "settings.new" }],
};
const retype: Migration = {
  version: "1.2.0",
  summary: "count settings.time in milliseconds",
  steps: [{ do: "multiply", key: "settings.time", by: 1000 }],
};
const removal: Migration = {
  version: "1.3.0",
  summary: "remove settings.motd",
  steps: [{ do: "remove", key: "settings.motd" }],
};
const lossy: Migration = {
  version: "1.3.0",
  summary: "call every greeting hello",
  steps: [
    {
      do: "replace",
      key: "settings.motd",
      values: [
        ["hello", "hello"],
        ["hi", "hello"],
      ],
    },
  ],
};
const failing: Migration = {
  version: "1.4.0",
  summary: "number settings.motd",
  steps: [{ do: "replace", key: "settings.motd", values: [["hello", 1]] }],
};

type World = TestSystem & {
  boot(version: string, migrations: readonly Migration[], storage?: System["storage"]): Promise<Map<string, Json>>;
};

async function machine(): Promise<World> {
  const host = await testSystem();
  const { system } = host;
  const disk = directoryDisk(realFiles, join(system.root, "var/lib/orlop/datastore"));
  return Object.assign(host, {
    async boot(version: string, migrations: readonly Migration[], storage = system.storage) {
      await using datastore = await Datastore.open(disk, { image: version, clock: system.clock });
      await bringToForm({ ...system, storage }, datastore, version, migrations);
      return new Map(datastore.values);
    },
  });
}

async function set(world: World, version: string, values: { [key: string]: Json }): Promise<void> {
  const disk = directoryDisk(realFiles, join(world.system.root, "var/lib/orlop/datastore"));
  await using datastore = await Datastore.open(disk, { image: version, clock: world.system.clock });
  datastore.stage("t", new Map(Object.entries(values)));
  await datastore.commit("t", { kind: "socket", uid: 0 }, "by a person");
}

/** The mark that says what will happen is written, and the one that says that it did is not. */
function failingAtTheSecondMark(storage: System["storage"]): System["storage"] {
  let marks = 0;
  return {
    ...storage,
    async rename(from, to) {
      if (to.endsWith("/settings-form.json") && ++marks === 2) throw new Error("the power fails");
      await storage.rename(from, to);
    },
  };
}

const first = { "settings.old": "a", "settings.time": 5, "settings.motd": "hi" };

test("an update walks every migration in between, once, and the way back gives what was there", async () => {
  await using world = await machine();
  await world.boot("1.0.0", []);
  await set(world, "1.0.0", first);
  const after = { "settings.new": "a", "settings.time": 5000, "settings.motd": "hi" };
  for (let boots = 0; boots < 3; boots++) {
    expect(Object.fromEntries(await world.boot("1.2.0", [retype, rename]))).toEqual(after);
  }
  for (let boots = 0; boots < 2; boots++) expect(Object.fromEntries(await world.boot("1.0.0", []))).toEqual(first);
  expect(Object.fromEntries(await world.boot("1.2.0", [retype, rename]))).toEqual(after);
});

test("what a person set on the newer version stays on the way back", async () => {
  await using world = await machine();
  await world.boot("1.0.0", []);
  await set(world, "1.0.0", first);
  await world.boot("1.1.0", [rename]);
  await set(world, "1.1.0", { "settings.motd": "set later" });
  const back = Object.fromEntries(await world.boot("1.0.0", []));
  expect(back).toEqual({ ...first, "settings.motd": "set later" });
});

test("a migration that is lossy or fails changes nothing, and names its key or itself", async () => {
  await using world = await machine();
  await world.boot("1.0.0", []);
  await set(world, "1.0.0", first);
  await expect(world.boot("1.3.0", [rename, lossy])).rejects.toThrow("settings.motd would change");
  const failed = world.boot("1.4.0", [rename, failing]);
  await expect(failed).rejects.toMatchObject({ code: "migration-failed" });
  await expect(failed).rejects.toThrow('cannot number settings.motd (1.4.0): settings.motd is "hi"');
  expect(Object.fromEntries(await world.boot("1.0.0", []))).toEqual(first);
});

test("a migration that was committed just before power failed does not run twice", async () => {
  await using world = await machine();
  await world.boot("1.0.0", []);
  await set(world, "1.0.0", first);
  const cut = world.boot("1.2.0", [retype], failingAtTheSecondMark(world.system.storage));
  await expect(cut).rejects.toThrow("the power fails");
  expect((await world.boot("1.2.0", [retype])).get("settings.time")).toBe(5000);
  expect(Object.fromEntries(await world.boot("1.0.0", []))).toEqual(first);
});

test("a host that was installed with this version has nothing to migrate", async () => {
  await using world = await machine();
  await set(world, "1.2.0", { "settings.time": 7 });
  expect((await world.boot("1.2.0", [retype])).get("settings.time")).toBe(7);
});

test("what a person set on the newer version under its name goes back under the old name", async () => {
  await using world = await machine();
  await world.boot("1.0.0", []);
  await set(world, "1.0.0", first);
  await world.boot("1.2.0", [rename, retype]);
  await set(world, "1.2.0", { "settings.new": "b", "settings.time": 9000 });
  expect(Object.fromEntries(await world.boot("1.0.0", []))).toEqual({
    ...first,
    "settings.old": "b",
    "settings.time": 9,
  });
});

test("what was removed is there again after the way back, through every version in between", async () => {
  await using world = await machine();
  await world.boot("1.0.0", []);
  await set(world, "1.0.0", first);
  await world.boot("1.1.0", [rename]);
  expect((await world.boot("1.3.0", [rename, retype, removal])).has("settings.motd")).toBe(false);
  expect(Object.fromEntries(await world.boot("1.2.0", [rename, retype]))).toMatchObject({ "settings.motd": "hi" });
  expect(Object.fromEntries(await world.boot("1.0.0", []))).toEqual(first);
});

test("what has no older form returns to its default and is told, and the host comes up", async () => {
  await using world = await machine();
  const listed: Migration = {
    version: "1.1.0",
    summary: "take several",
    steps: [{ do: "list", key: "settings.motd" }],
  };
  await world.boot("1.0.0", []);
  await set(world, "1.0.0", first);
  await world.boot("1.1.0", [listed]);
  await set(world, "1.1.0", { "settings.motd": ["a", "b"] });
  expect((await world.boot("1.0.0", [])).has("settings.motd")).toBe(false);
  expect(world.logged.join()).toContain("settings.motd returns to its default: on the way back from 1.1.0");
});

test("an update on trial whose power failed between commit and mark goes back all the same", async () => {
  await using world = await machine();
  await world.boot("1.0.0", []);
  await set(world, "1.0.0", first);
  const cut = world.boot("1.2.0", [rename, retype], failingAtTheSecondMark(world.system.storage));
  await expect(cut).rejects.toThrow("the power fails");
  expect(Object.fromEntries(await world.boot("1.0.0", []))).toEqual(first);
});

test("a rehearsal changes nothing, and refuses what would be lost there or on the way back", async () => {
  await using world = await machine();
  await world.boot("1.0.0", []);
  await set(world, "1.0.0", first);
  const values = await world.boot("1.0.0", []);
  const up = (published: Migration[]) =>
    rehearse(world.system, values, { running: "1.0.0", target: "1.4.0" }, published);
  await up([rename, retype, removal]);
  await expect(up([lossy])).rejects.toThrow("settings.motd would change");
  await expect(up([failing])).rejects.toThrow("settings.motd is");
  expect(await world.boot("1.0.0", [])).toEqual(values);

  await world.boot("1.1.0", [rename]);
  await set(world, "1.1.0", { "settings.old": "taken", "settings.new": "b" });
  const newer = await world.boot("1.1.0", [rename]);
  const down = rehearse(world.system, newer, { running: "1.1.0", target: "1.0.0" }, []);
  await expect(down).rejects.toThrow("settings.new cannot take the place of settings.old, which is set");
});

test("whatever is set, there and back is where it was", () => {
  const values = fc.dictionary(fc.constantFrom("settings.old", "settings.time", "settings.motd"), fc.nat());
  fc.assert(
    fc.property(values, (each) => {
      const start = new Map(Object.entries(each));
      const { values: after, applied } = migrated(start, [rename, retype, removal]);
      expect(after.has("settings.old") || after.has("settings.motd")).toBe(false);
      expect(after.get("settings.new")).toBe(start.get("settings.old"));
      expect(reverted(after, applied, refusing)).toEqual(start);
    }),
  );
});

test("of migrations that were published, unknown kinds of steps and other nonsense are refused with their name", () => {
  const text = (change: object): string => JSON.stringify({ ...rename, ...change });
  expect(parseMigration(text({}), "m")).toEqual(rename);
  for (const bad of [{ steps: [{ do: "run", program: "x" }] }, { steps: [] }, { version: "new" }, { more: 1 }]) {
    expect(() => parseMigration(text(bad), "m.json")).toThrow("cannot use the migration m.json");
  }
  expect(migrationName(rename)).toBe("migrate_v1.1.0_rename-settings-old-to-settings-new.json");
});
