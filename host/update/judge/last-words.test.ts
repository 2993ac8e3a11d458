/** Protects: what firmware and devices remember of a boot that died becomes the reason that people read. */
import { expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { testSystem } from "../../../test/worlds/host/system.ts";
import { panicIn, readPanic, removeRecords, wasRefused, wasResetByWatchdog } from "./last-words.ts";

const loaderVariable = "/sys/firmware/efi/efivars/LoaderBootCountPath-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";

/** As efi-pstore hands them out: the newest lines are in part 1. */
const records = [
  [
    "Panic#1 Part1",
    "<0>[   12.502] Kernel panic - not syncing: dm-verity device corrupted",
    "<4>[   12.503] CPU: 0 UID: 0 PID: 1 Comm: systemd",
    "<4>[   12.504] Call Trace:",
    "",
  ].join("\n"),
  [
    "Panic#1 Part2",
    "<6>[   11.100] virtio_blk virtio1: [vda] 4194304 512-byte logical blocks",
    "<3>[   12.500] device-mapper: verity: 254:2: data block 256 is corrupted",
    "<4>[   12.501] a warning",
    "",
  ].join("\n"),
];

test("the reason of a panic is its own line, behind the errors that led to it", () => {
  const reason =
    "device-mapper: verity: 254:2: data block 256 is corrupted | Kernel panic - not syncing: dm-verity device corrupted";
  expect(panicIn(records)).toBe(reason);
  expect(panicIn(records.toReversed())).toBe(reason);
});

test("what the initrd gave up for is told, and not that the watchdog goes on", () => {
  const initrd = [
    "Panic#1 Part1",
    "<2>[    3.100] watchdog: watchdog0: watchdog did not stop!",
    "<10>[   33.900] orlop: cannot start: no disk has the root 0f52",
    "<14>[   33.901] a program says something of no importance",
    "<0>[   33.902] Kernel panic - not syncing: sysrq triggered crash",
    "",
  ].join("\n");
  const reason = "orlop: cannot start: no disk has the root 0f52 | Kernel panic - not syncing: sysrq triggered crash";
  expect(panicIn([initrd])).toBe(reason);
});

test("of several panics the newest counts, and what is no panic does not", () => {
  const older = "Panic#1 Part1\n<0>[    1.000] Kernel panic - not syncing: older\n";
  const newer = "Panic#2 Part1\n<0>[    1.000] Kernel panic - not syncing: newer\n";
  expect(panicIn([newer, older])).toBe("Kernel panic - not syncing: newer");
  expect(
    panicIn(["Oops#1 Part1\n<1>[    1.0] BUG: unable to handle page fault\n", "", "not text of pstore"]),
  ).toBeUndefined();
  expect(panicIn([])).toBeUndefined();
});

test("a panic is told until its records are removed", async () => {
  await using host = await testSystem();
  for (const [index, record] of records.entries()) await host.write(`/sys/fs/pstore/dmesg-efi_pstore-${index}`, record);
  const panic = await readPanic(host.system);
  expect(panic.reason).toContain("dm-verity device corrupted");
  expect(await readPanic(host.system)).toEqual(panic);
  await removeRecords(host.system, panic);
  expect(await readdir(join(host.system.root, "sys/fs/pstore"))).toEqual([]);
  expect((await readPanic(host.system)).reason).toBeUndefined();
});

test("a record that cannot be read or removed keeps nobody from the others", async () => {
  await using host = await testSystem();
  await host.write("/sys/fs/pstore/a/is-a-directory", "");
  for (const [index, record] of records.entries()) await host.write(`/sys/fs/pstore/dmesg-efi_pstore-${index}`, record);
  const panic = await readPanic(host.system);
  expect(panic.reason).toContain("dm-verity device corrupted");
  await removeRecords(host.system, {
    ...panic,
    records: [join(host.system.root, "sys/fs/pstore/a"), ...panic.records],
  });
  expect(await readdir(join(host.system.root, "sys/fs/pstore"))).toEqual(["a"]);
  expect(host.logged).toHaveLength(2);
});

test("a machine without pstore, watchdog or EFI variables tells nothing", async () => {
  await using host = await testSystem();
  expect(await readPanic(host.system)).toEqual({ reason: undefined, records: [] });
  expect(await wasResetByWatchdog(host.system)).toBe(false);
  expect(await wasRefused(host.system, "b")).toBe(false);
});

test("a watchdog that reset the machine is known by its boot status", async () => {
  await using host = await testSystem();
  await host.write("/sys/class/watchdog/watchdog0/bootstatus", "0\n");
  expect(await wasResetByWatchdog(host.system)).toBe(false);
  await host.write("/sys/class/watchdog/watchdog1/bootstatus", "32\n");
  expect(await wasResetByWatchdog(host.system)).toBe(true);
});

test("an entry that the loader counted in this very boot was refused", async () => {
  await using host = await testSystem();
  const counted = (path: string): string =>
    Buffer.concat([Buffer.alloc(4, 6), Buffer.from(`${path}\0`, "utf16le")]).toString("latin1");
  await host.write(loaderVariable, counted("\\loader\\entries\\orlop-b+0-1.conf"), "latin1");
  expect(await wasRefused(host.system, "b")).toBe(true);
  expect(await wasRefused(host.system, "a")).toBe(false);
});
