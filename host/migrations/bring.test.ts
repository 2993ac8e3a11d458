/** Protects: settings follow a renamed or retyped key, never half, and are as they were after the way back. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import fc from "fast-check";
import type { Json } from "../../lib/json.ts";
import { testSystem, type TestSystem } from "../../test/system.ts";
import { Datastore } from "../datastore/datastore.ts";
import { directoryDisk } from "../datastore/disk.ts";
import type { Values } from "../datastore/change.ts";
import { bringToForm } from "./bring.ts";
import { between, migrated, type Migration } from "./migration.ts";

const moved = (values: Values, from: string, to: string, convert: (value: Json) => Json = (value) => value): Values =>
  new Map([...values].map(([key, value]) => (key === from ? [to, convert(value)] : [key, value])));

const rename: Migration = {
  version: "1.1.0",
  says: "rename settings.old to settings.new",
  forward: (values) => moved(values, "settings.old", "settings.new"),
  backward: (values) => moved(values, "settings.new", "settings.old"),
};
const retype: Migration = {
  version: "1.2.0",
  says: "count settings.time in milliseconds",
  forward: (values) => moved(values, "settings.time", "settings.time", (value) => Number(value) * 1000),
  backward: (values) => moved(values, "settings.time", "settings.time", (value) => Number(value) / 1000),
};
const lossy: Migration = {
  version: "1.3.0",
  says: "remove settings.motd",
  forward: (values) => new Map([...values].filter(([key]) => key !== "settings.motd")),
  backward: (values) => values,
};
const failing: Migration = {
  ...retype,
  version: "1.4.0",
  forward: () => {
    throw new Error("a bug in it");
  },
};

type World = TestSystem & { boot(version: string, migrations: readonly Migration[]): Promise<Map<string, Json>> };

async function machine(): Promise<World> {
  const host = await testSystem();
  const { system } = host;
  const disk = directoryDisk(join(system.root, "var/lib/orlop/datastore"));
  return Object.assign(host, {
    async boot(version: string, migrations: readonly Migration[]) {
      await using datastore = await Datastore.open(disk, { image: version, clock: system.clock });
      await bringToForm(system, datastore, version, migrations);
      return new Map(datastore.values);
    },
  });
}

async function set(world: World, version: string, values: { [key: string]: Json }): Promise<void> {
  const disk = directoryDisk(join(world.system.root, "var/lib/orlop/datastore"));
  await using datastore = await Datastore.open(disk, { image: version, clock: world.system.clock });
  datastore.stage("t", new Map(Object.entries(values)));
  await datastore.commit("t", { kind: "socket", uid: 0 }, "by a person");
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
  await expect(world.boot("1.4.0", [rename, failing])).rejects.toMatchObject({ code: "migration-failed" });
  expect(Object.fromEntries(await world.boot("1.0.0", []))).toEqual(first);
});

test("a migration that was committed just before power failed does not run twice", async () => {
  await using world = await machine();
  await world.boot("1.0.0", []);
  await set(world, "1.0.0", first);
  const markBefore = await world.read("/var/lib/orlop/settings-form.json");
  await world.boot("1.2.0", [retype]);
  await world.write("/var/lib/orlop/settings-form.json", markBefore);
  expect((await world.boot("1.2.0", [retype])).get("settings.time")).toBe(5000);
});

test("a host that was installed with this version has nothing to migrate", async () => {
  await using world = await machine();
  await set(world, "1.2.0", { "settings.time": 7 });
  expect((await world.boot("1.2.0", [retype])).get("settings.time")).toBe(7);
});

test("whatever is set, there and back is where it was", () => {
  const values = fc.dictionary(fc.constantFrom("settings.old", "settings.time", "settings.motd"), fc.nat());
  fc.assert(
    fc.property(values, (each) => {
      const start = new Map(Object.entries(each));
      const steps = between([retype, rename], "1.0.0", "1.2.0");
      const after = migrated(start, steps);
      return after.has("settings.old") === false && after.get("settings.new") === start.get("settings.old");
    }),
  );
});
