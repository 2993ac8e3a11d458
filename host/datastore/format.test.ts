/** Protects every store in the field: what is written is what the README shows, and what the README shows is read. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { datastoreOn, simulatedDisk, tickingClock } from "../../test/worlds/host/datastore.ts";

const readme = await Bun.file(join(import.meta.dir, "README.md")).text();

/** The files that the README shows. */
const shown = new Map(
  [...readme.matchAll(/`(segment-\d{10})`:\n\n```\n(.*?)```/gs)].map(([, name = "", text = ""]) => [name, text]),
);

test("segments are written as the README shows them", async () => {
  const disk = simulatedDisk();
  {
    await using host = await datastoreOn(disk, { image: "0.1.0-dafe3b16", clock: tickingClock() });
    host.store.stage("default", new Map([["settings.motd", "hello"]]));
    await host.store.commit("default", { kind: "socket", uid: 0, pid: 411 }, "apiclient set");
    await host.store.markGoodBoot();
  }
  {
    await using host = await datastoreOn(disk, {
      image: "0.2.0-5b1c09aa",
      clock: tickingClock("2026-02-01T00:00:00Z"),
    });
    host.store.stage("default", new Map([["settings.motd", undefined]]));
    await host.store.commit("default", { kind: "remote", subject: "ann" }, "apiclient delete");
  }
  const files = new Map([...disk.contents()].map(([name, bytes]) => [name, bytes.toString()]));
  expect(shown.size).toBe(2);
  expect(files).toEqual(shown);
});

test("what the README shows is read", async () => {
  const disk = simulatedDisk();
  for (const [name, text] of shown) {
    await using file = await disk.create(name);
    await file.append(Buffer.from(text));
  }
  await using host = await datastoreOn(disk);
  expect(host.store.repairs).toEqual([]);
  expect(host.store.version).toBe(2);
  expect(host.store.values).toEqual(new Map());
  expect(host.store.lastGoodBoot()).toEqual({ version: 1, at: new Date("2026-01-01T00:00:03Z") });
  expect(await host.store.valuesAt(1)).toEqual(new Map([["settings.motd", "hello"]]));
});
