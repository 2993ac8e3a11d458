/** Protects: exactly one set is next after every step, and a set that never proved healthy loses its turn. */
import { expect, test } from "bun:test";
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { realFiles } from "../../../lib/files/files.ts";
import { entryName, entryText, nextToBoot, parseEntry, willBoot, type BootEntry, type Standing } from "./boot-entry.ts";
import { describeStandings, Signpost } from "./signpost.ts";

type World = AsyncDisposable & {
  signpost: Signpost;
  entries: string;
  /** What the loader does at a start: counts one try down and says which set it takes. */
  boot(): Promise<"a" | "b">;
  as(set: "a" | "b"): Signpost;
};

async function makeWorld(): Promise<World> {
  const esp = await mkdtemp(join(tmpdir(), "orlop-esp-"));
  const entries = join(esp, "loader/entries");
  await mkdir(entries, { recursive: true });
  await mkdir(join(esp, "EFI/orlop"), { recursive: true });
  for (const set of ["a", "b"]) await writeFile(join(esp, `EFI/orlop/${set}.efi`), "kernel");
  const first: BootEntry = { set: "a", priority: 1, standing: { kind: "successful" }, version: "1.0.0" };
  await writeFile(join(entries, entryName(first)), entryText(first));
  return {
    signpost: new Signpost(realFiles, esp, "a"),
    entries,
    as: (set) => new Signpost(realFiles, esp, set),
    async boot() {
      const all: { name: string; entry: BootEntry }[] = [];
      for (const name of await readdir(entries)) {
        const entry = parseEntry(name, await Bun.file(join(entries, name)).text());
        if (entry !== undefined) all.push({ name, entry });
      }
      const next = nextToBoot(all.map(({ entry }) => entry));
      if (next === undefined) throw new Error("nothing boots");
      const { standing } = next;
      if (standing.kind === "trying" && standing.left > 0) {
        const tried = { kind: "trying", left: standing.left - 1, done: standing.done + 1 } as const;
        await rename(join(entries, entryName(next)), join(entries, entryName({ ...next, standing: tried })));
      }
      return next.set;
    },
    [Symbol.asyncDispose]: () => rm(esp, { recursive: true }),
  };
}

test("an update that proves healthy keeps booting, and the old set stays bootable", async () => {
  await using world = await makeWorld();
  await world.signpost.markInactiveValid("1.1.0", 1);
  expect(await world.boot()).toBe("a");
  await world.signpost.upgradeToInactive();
  expect(await world.boot()).toBe("b");
  await world.as("b").markSuccessfulBoot();
  expect(await world.boot()).toBe("b");
  expect(await world.boot()).toBe("b");
  await world.as("b").rollbackToInactive();
  expect(await world.boot()).toBe("a");
  expect(await world.boot()).toBe("a");
});

test("an update that never proves healthy gets its tries and no more", async () => {
  for (const tries of [1, 2, 3]) {
    await using world = await makeWorld();
    await world.signpost.markInactiveValid("1.1.0", tries);
    await world.signpost.upgradeToInactive();
    for (let attempt = 0; attempt < tries; attempt++) expect(await world.boot()).toBe("b");
    for (let attempt = 0; attempt < 3; attempt++) expect(await world.boot()).toBe("a");
    expect((await world.signpost.read()).entries.b?.standing).toEqual({ kind: "trying", left: 0, done: tries });
  }
});

test("a cancelled upgrade boots the running set and can be chosen again", async () => {
  await using world = await makeWorld();
  await world.signpost.markInactiveValid("1.1.0", 1);
  await world.signpost.upgradeToInactive();
  await world.signpost.cancelUpgrade();
  expect(await world.boot()).toBe("a");
  await world.signpost.upgradeToInactive();
  expect(await world.boot()).toBe("b");
});

test("clearing the inactive set leaves only the running one, however often it was flipped", async () => {
  await using world = await makeWorld();
  await world.signpost.markInactiveValid("1.1.0", 1);
  await world.signpost.upgradeToInactive();
  await world.signpost.clearInactive();
  expect(await readdir(world.entries)).toEqual(["orlop-a.conf"]);
});

test("what makes no sense is refused with words and changes nothing", async () => {
  await using world = await makeWorld();
  await expect(world.signpost.upgradeToInactive()).rejects.toThrow("no verified update");
  await expect(world.signpost.cancelUpgrade()).rejects.toThrow("not on trial");
  await expect(world.signpost.rollbackToInactive()).rejects.toThrow("cannot go back to set B");
  await rm(join(world.entries, "../../EFI/orlop/b.efi"));
  await expect(world.signpost.markInactiveValid("1.1.0", 1)).rejects.toThrow("b.efi is missing");
  expect(await readdir(world.entries)).toEqual(["orlop-a.conf"]);
});

test("a mark that was cut between its two directory writes counts, and no name of the two is removed alone", async () => {
  await using world = await makeWorld();
  const done: BootEntry = { set: "b", priority: 2, standing: { kind: "trying", left: 0, done: 1 }, version: "1.1.0" };
  await writeFile(join(world.entries, entryName(done)), entryText(done));
  const good: BootEntry = { ...done, standing: { kind: "successful" } };
  await writeFile(join(world.entries, entryName(good)), entryText(good));
  expect((await world.as("b").read()).entries.b?.standing).toEqual({ kind: "successful" });
  await world.as("b").markSuccessfulBoot();
  expect((await readdir(world.entries)).toSorted()).toEqual(["orlop-a.conf", "orlop-b+0-1.conf", "orlop-b.conf"]);
  await world.as("a").clearInactive();
  expect(await readdir(world.entries)).toEqual(["orlop-a.conf"]);
});

test("foreign and damaged files in the directory are left alone and not counted", async () => {
  await using world = await makeWorld();
  await writeFile(join(world.entries, "debian.conf"), "title Debian\nversion 99\n");
  await writeFile(join(world.entries, "orlop-b.conf"), "title Orl");
  const { next, entries } = await world.signpost.read();
  expect(next).toBe("a");
  expect(entries.b).toBeUndefined();
});

test("every entry reads back as it was written", () => {
  const standing: fc.Arbitrary<Standing> = fc.oneof(
    fc.constant({ kind: "successful" } as const),
    fc.record({ kind: fc.constant("trying" as const), left: fc.nat(999), done: fc.nat(999) }),
    fc.record({ kind: fc.constant("staged" as const), tries: fc.nat(99) }),
  );
  const entry = fc.record({
    set: fc.constantFrom("a" as const, "b" as const),
    priority: fc.integer({ min: 1, max: 1_000_000 }),
    standing,
    version: fc.constantFrom("1.0.0", "0.1.0-rc.1", "12.3.4+5"),
  });
  fc.assert(fc.property(entry, (each) => Bun.deepEquals(parseEntry(entryName(each), entryText(each)), each)));
});

test("in every combination of standings, a set that will boot is preferred to one that will not", () => {
  const standings: Standing[] = [
    { kind: "successful" },
    { kind: "trying", left: 1, done: 0 },
    { kind: "trying", left: 0, done: 1 },
    { kind: "staged", tries: 1 },
  ];
  for (const a of standings) {
    for (const b of standings) {
      for (const priority of [1, 2, 3]) {
        const entries: BootEntry[] = [
          { set: "a", priority: 2, standing: a, version: "1.0.0" },
          { set: "b", priority, standing: b, version: "1.1.0" },
        ];
        const next = nextToBoot(entries);
        const bootable = entries.filter(willBoot);
        if (bootable.length > 0) expect(next && willBoot(next)).toBe(true);
        if (bootable.length === 2) expect(next?.set).toBe(priority >= 2 ? "b" : "a");
        if (a.kind === "staged" && b.kind === "staged") expect(next).toBeUndefined();
      }
    }
  }
});

test("the status says what is active and what is next", async () => {
  await using world = await makeWorld();
  await world.signpost.markInactiveValid("1.1.0", 1);
  await world.signpost.upgradeToInactive();
  expect(describeStandings(await world.signpost.read())).toBe(
    [
      "Set A:   1.0.0 priority=1 successful=true",
      "Set B:   1.1.0 priority=2 tries_left=1 tries_done=0 successful=false",
      "Active:  Set A",
      "Next:    Set B",
    ].join("\n"),
  );
});
