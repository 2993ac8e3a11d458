import { expect, test } from "bun:test";
import { mkdir, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { realFiles } from "../../lib/files/files.ts";
import { watchedFiles } from "../../test/worlds/watched-files.ts";
import { testSystem, type TestSystem } from "../../test/worlds/host/system.ts";
import { json, kept } from "./kept.ts";
import { listSetAside } from "./set-aside.ts";

const place = { path: "/var/lib/orlop/part/thing.json", whenLost: "nothing is known" };
const counter = kept(place, json(z.object({ count: z.int() })));
const directory = "var/lib/orlop/part";

const namesOf = async ({ system }: TestSystem, path = directory): Promise<string[]> =>
  await readdir(join(system.root, path));

/** What is done to the disk, in its order. */
function watched(host: TestSystem): { system: TestSystem["system"]; done: string[] } {
  const shown = (path: string): string => path.slice(host.system.root.length).replace(/\.[0-9a-f]{12}$/, ".*");
  const { files, done } = watchedFiles(shown);
  const storage: TestSystem["system"]["storage"] = {
    ...host.system.storage,
    ...files,
    async makeDirectory(path, mode) {
      const topmost = await realFiles.makeDirectory(path, mode);
      if (topmost !== undefined) done.push(`make ${shown(topmost)}`);
      return topmost;
    },
  };
  return { system: { ...host.system, storage }, done };
}

test("what is kept reads back, readable for the daemon alone, and is gone when it is removed", async () => {
  await using host = await testSystem();
  expect(await counter.read(host.system)).toBeUndefined();
  await counter.replace(host.system, { count: 7 });
  expect(await counter.read(host.system)).toEqual({ count: 7 });
  expect((await stat(join(host.system.root, place.path))).mode & 0o777).toBe(0o600);
  expect(await counter.remove(host.system)).toBe(true);
  expect(await counter.remove(host.system)).toBe(false);
  expect(await counter.read(host.system)).toBeUndefined();
});

test("names are durable: of directories that were made, of what was written and of what was removed", async () => {
  await using host = await testSystem();
  await mkdir(join(host.system.root, "var"));
  const { system, done } = watched(host);
  await counter.replace(system, { count: 1 });
  expect(done.splice(0)).toEqual([
    "make /var/lib",
    "sync /var/lib/orlop",
    "sync /var/lib",
    "sync /var",
    "rename /var/lib/orlop/part/thing.json",
    "sync /var/lib/orlop/part",
  ]);
  await counter.remove(system);
  expect(done.splice(0)).toEqual(["remove /var/lib/orlop/part/thing.json", "sync /var/lib/orlop/part"]);
  await counter.remove(system); // the sync of an earlier removal may have failed
  expect(done).toEqual(["sync /var/lib/orlop/part"]);
});

const damages: Readonly<Record<string, (host: TestSystem) => Promise<void>>> = {
  "an empty file": async (host) => await host.write(place.path, ""),
  "a file cut short": async (host) => await host.write(place.path, '{"count":'),
  "another shape, as of a newer version": async (host) => await host.write(place.path, '{"counts":[7]}'),
  "bytes that are no text": async (host) => await host.write(place.path, "\u0000\u00ff\u0080", "latin1"),
  "more bytes than anything has": async (host) => await host.write(place.path, " ".repeat(17 * 1024 * 1024)),
  "a directory with something in it": async (host) => await host.write(`${place.path}/inside`, "x"),
};

test.each(Object.entries(damages))("%s is set aside and told, and does not stand in the way", async (_, damage) => {
  await using host = await testSystem();
  await damage(host);
  expect(await counter.read(host.system)).toBeUndefined();
  const [aside, ...more] = await listSetAside(host.system, [place]);
  expect(more).toEqual([]);
  expect(aside).toEqual({
    path: place.path,
    at: new Date("2026-01-01T00:00:00Z"),
    movedTo: `${place.path}.damaged-2026-01-01T00:00:00Z`,
    whenLost: "nothing is known",
  });
  expect(host.logged.join("\n")).toContain(`kept: ${place.path} is damaged; nothing is known`);
  await counter.replace(host.system, { count: 1 });
  expect(await counter.read(host.system)).toEqual({ count: 1 });
});

test("a file where its directory should be is set aside too", async () => {
  await using host = await testSystem();
  await host.write(`/${directory}`, "x");
  expect(await counter.read(host.system)).toBeUndefined();
  expect(await listSetAside(host.system, [place])).toEqual([]);
  const all = await listSetAside(host.system, [place, { path: "/var/lib/orlop/x", whenLost: "" }]);
  expect(all).toMatchObject([{ path: `/${directory}`, whenLost: "nothing is known" }]);
});

test.each(["replace", "remove"] as const)("what lies in the way of %s is set aside", async (verb) => {
  await using host = await testSystem();
  await host.write(`${place.path}/inside`, "x");
  if (verb === "replace") await counter.replace(host.system, { count: 1 });
  else await counter.remove(host.system);
  expect(await counter.read(host.system)).toEqual(verb === "replace" ? { count: 1 } : undefined);
  expect(await listSetAside(host.system, [place])).toHaveLength(1);
});

test("a bad sector is damage; a process without file descriptors is not", async () => {
  await using host = await testSystem();
  await counter.replace(host.system, { count: 1 });
  const failing = (code: string) => ({
    ...host.system,
    storage: {
      ...host.system.storage,
      read: async () => await Promise.reject(Object.assign(new Error(code), { code })),
    },
  });
  await expect(counter.read(failing("EMFILE"))).rejects.toMatchObject({ code: "EMFILE" });
  expect(await counter.read(host.system)).toEqual({ count: 1 });
  expect(await counter.read(failing("EIO"))).toBeUndefined();
  expect(await listSetAside(host.system, [place])).toHaveLength(1);
});

test("of one thing that is damaged again and again, the newest four stay", async () => {
  await using host = await testSystem();
  for (let hour = 0; hour < 6; hour++) {
    await host.write(place.path, "{");
    expect(await counter.read(host.system)).toBeUndefined();
    await host.advance(3600_000);
  }
  const aside = await listSetAside(host.system, [place]);
  expect(aside.map(({ at }) => at.getUTCHours())).toEqual([2, 3, 4, 5]);
});

test("a disk on which nothing can be moved any more is told, and counts as empty", async () => {
  await using host = await testSystem();
  await host.write(place.path, "{");
  const refuse = async () => await Promise.reject(Object.assign(new Error("EROFS"), { code: "EROFS" }));
  const storage = { ...host.system.storage, rename: refuse };
  expect(await counter.read({ ...host.system, storage })).toBeUndefined();
  expect(host.logged.join("\n")).toContain(`kept: cannot set ${place.path} aside`);
});

test("what an interrupted write left behind is removed, and nothing else", async () => {
  await using host = await testSystem();
  await counter.replace(host.system, { count: 1 });
  for (const name of [".thing.json.0123456789ab", ".thing.json.backup", ".other.json.0123456789ab"]) {
    await host.write(`/${directory}/${name}`, "x");
  }
  await counter.tidy(host.system);
  expect((await namesOf(host)).toSorted()).toEqual([".other.json.0123456789ab", ".thing.json.backup", "thing.json"]);
});

test("nothing to tidy is no failure, and neither is a directory that is none", async () => {
  await using host = await testSystem();
  await counter.tidy(host.system);
  expect(host.logged).toEqual([]);
  await host.write(`/${directory}`, "x");
  await counter.tidy(host.system);
  expect(host.logged.join("\n")).toContain("cannot remove what an interrupted write");
});
