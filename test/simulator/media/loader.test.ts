/** Protects: what we believe the boot loader does is what its own rules say. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { nextToBoot, type BootEntry, type Standing } from "../../../host/update/boot/boot-entry.ts";
import { storageWith } from "../../worlds/update/boot-arrangements.ts";
import { countDown, loaderEntries } from "./loader.ts";
import type { SimulatedStorage } from "./storage.ts";

const espWith = (entries: readonly BootEntry[]): SimulatedStorage =>
  storageWith({ active: "a", entries: Object.fromEntries(entries.map((entry) => [entry.set, entry])) });

const standing: fc.Arbitrary<Standing> = fc.oneof(
  fc.constant({ kind: "successful" } as const),
  fc.record({ kind: fc.constant("trying" as const), left: fc.nat(2), done: fc.nat(2) }),
  fc.record({ kind: fc.constant("staged" as const), tries: fc.integer({ min: 1, max: 3 }) }),
);
const entryOf = (set: "a" | "b"): fc.Arbitrary<BootEntry> =>
  fc.record({
    set: fc.constant(set),
    priority: fc.integer({ min: 1, max: 12 }),
    standing,
    version: fc.constantFrom("1.0.0", "1.1.0"),
  });

test("of any two entries the loader starts the one that we call next", () => {
  fc.assert(
    fc.property(entryOf("a"), entryOf("b"), (a, b) => {
      const [first] = loaderEntries(espWith([a, b]), "/efi");
      expect(first?.kernel).toBe(nextToBoot([a, b])?.set.replace(/.*/, (set) => `/EFI/orlop/${set}.efi`));
    }),
  );
});

test("a try is counted in the name, and a set without tries goes last", async () => {
  const good: BootEntry = { set: "a", priority: 1, standing: { kind: "successful" }, version: "1.0.0" };
  const onTrial: BootEntry = {
    set: "b",
    priority: 2,
    standing: { kind: "trying", left: 2, done: 0 },
    version: "1.1.0",
  };
  const storage = espWith([good, onTrial]);
  const started: string[] = [];
  for (let boot = 0; boot < 4; boot++) {
    const [first] = loaderEntries(storage, "/efi");
    if (first === undefined) throw new Error("nothing boots");
    started.push(first.file);
    await countDown(storage, "/efi", first);
  }
  expect(started).toEqual(["orlop-b+2.conf", "orlop-b+1-1.conf", "orlop-a.conf", "orlop-a.conf"]);
});

test("a file that is no entry, or whose kernel is missing, is not shown", () => {
  const storage = espWith([]);
  storage.addFile("/efi/loader/entries/orlop-a.conf", "title Orlop\n");
  storage.addFile("/efi/loader/entries/orlop-b.conf", "efi /EFI/orlop/c.efi\n");
  storage.addFile("/efi/loader/entries/orlop-b.staged", "efi /EFI/orlop/b.efi\n");
  expect(loaderEntries(storage, "/efi")).toEqual([]);
});
