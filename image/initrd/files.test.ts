import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { osDirectory } from "../root/os-content.ts";
import { moduleOrder, programs } from "./files.ts";

const dependencies = [
  "kernel/drivers/md/dm-mod.ko:",
  "kernel/drivers/md/dm-bufio.ko: kernel/drivers/md/dm-mod.ko",
  "kernel/drivers/md/dm-verity.ko: kernel/drivers/md/dm-bufio.ko kernel/drivers/md/dm-mod.ko",
  "kernel/fs/erofs/erofs.ko: kernel/lib/libcrc32c.ko",
  "kernel/lib/libcrc32c.ko:",
  "kernel/drivers/block/virtio_blk.ko:",
  "kernel/drivers/scsi/scsi_mod.ko:",
  "kernel/drivers/scsi/sd_mod.ko: kernel/drivers/scsi/scsi_mod.ko",
  "kernel/drivers/scsi/virtio_scsi.ko: kernel/drivers/scsi/scsi_mod.ko",
  "kernel/arch/x86/crypto/sha256-ssse3.ko:",
].join("\n");
const builtIn = "kernel/drivers/nvme/host/nvme.ko\n";

test("each module comes once and after what it needs", () => {
  const order = moduleOrder("qemu", dependencies, builtIn).rest.map((path) => path.replace(/.*\//, ""));
  expect(new Set(order).size).toBe(order.length);
  for (const [first, second] of [
    ["dm-mod.ko", "dm-bufio.ko"],
    ["dm-bufio.ko", "dm-verity.ko"],
    ["scsi_mod.ko", "sd_mod.ko"],
    ["libcrc32c.ko", "erofs.ko"],
  ] as const) {
    expect(order.indexOf(first)).toBeGreaterThanOrEqual(0);
    expect(order.indexOf(first)).toBeLessThan(order.indexOf(second));
  }
});

test("the fast hash is loaded before dm-verity chooses one", () => {
  const order = moduleOrder("qemu", dependencies, builtIn).rest.map((path) => path.replace(/.*\//, ""));
  expect(order.indexOf("sha256-ssse3.ko")).toBe(0);
});

test("what EROFS asks for by the name of an algorithm is loaded before it, where it is a module", () => {
  const generic = `${dependencies}\nkernel/crypto/crc32c_generic.ko:`;
  const order = moduleOrder("qemu", generic, builtIn).rest.map((path) => path.replace(/.*\//, ""));
  expect(order.indexOf("crc32c_generic.ko")).toBeGreaterThanOrEqual(0);
  expect(order.indexOf("crc32c_generic.ko")).toBeLessThan(order.indexOf("libcrc32c.ko"));
});

test("a driver that the kernel has built in needs no module, one that is nowhere is an error", () => {
  expect(moduleOrder("qemu", dependencies, builtIn).rest.some((path) => path.includes("nvme"))).toBe(false);
  expect(() => moduleOrder("qemu", dependencies, "")).toThrow("cannot find the module nvme for the initrd");
});

test("the watchdog comes with what it needs, and apart from the rest; where there is none, nothing is missed", () => {
  const watchdog = "kernel/drivers/watchdog/watchdog.ko";
  const driver = "kernel/drivers/watchdog/i6300esb.ko";
  const order = moduleOrder("qemu", `${dependencies}\n${driver}: ${watchdog}\n${watchdog}:`, builtIn);
  expect(order.watchdogs).toEqual([watchdog, driver]);
  expect(order.rest).toEqual(moduleOrder("qemu", dependencies, builtIn).rest);
  expect(moduleOrder("qemu", dependencies, builtIn).watchdogs).toEqual([]);
});

test("every program that the initrd's scripts run is in it", async () => {
  const known = new Set([...Object.keys(programs), "give-up"]);
  const called = new Set<string>();
  for (const script of ["init", "give-up"]) {
    const text = await readFile(join(osDirectory, "initrd", script), "utf8");
    // Words that begin a line or a block of an execline script are programs.
    for (const line of text.split("\n").filter((item) => !item.startsWith("#"))) {
      const program = /^\s*(?:\}\s*)?(?:\{\s*)?([a-z][a-z_-]*)/.exec(line)?.[1];
      if (program !== undefined) called.add(program);
      for (const [, inner] of line.matchAll(/\{ ([a-z][a-z_-]*) /g)) if (inner !== undefined) called.add(inner);
    }
  }
  expect(called.size).toBeGreaterThan(10);
  expect([...called].filter((name) => !known.has(name))).toEqual([]);
});
