import { expect, test } from "bun:test";
import { chooseDisk, type DiskChoice, type InstallDisk, parseDiskRule } from "./disk-rule.ts";

const gibibyte = 2 ** 30;
const imageBytes = 2 * gibibyte;

function disk(path: string, more: Partial<InstallDisk> = {}): InstallDisk {
  const plain = { bytes: 8 * gibibyte, sectorBytes: 512, model: "QEMU", serial: "", wwid: "", partitions: [] };
  return { path, ...plain, removable: false, readOnly: false, inUse: undefined, ...more };
}

function choose(disks: readonly InstallDisk[], rule = "only", replace = false): DiskChoice {
  return chooseDisk(disks, parseDiskRule(rule), { imageBytes, replace });
}
const erased = (choice: DiskChoice): string => (choice.kind === "erase" ? choice.disk.path : JSON.stringify(choice));
const reason = (choice: DiskChoice): string => (choice.kind === "none" ? choice.reason : JSON.stringify(choice));

const stick = disk("/dev/sda", { removable: true });
const small = disk("/dev/sdb", { bytes: 4 * gibibyte, serial: "S1", model: "ACME SSD 4" });
const large = disk("/dev/sdc", { serial: "S2", model: "ACME HDD 8", wwid: "naa.5000c500a1b2c3d4" });

test("the only fixed disk is erased, and of two nothing", () => {
  expect(erased(choose([stick, small]))).toBe("/dev/sdb");
  expect(reason(choose([small, large]))).toMatch(
    /^more than one disk is fixed: \/dev\/sdb, 4\.0 GiB, .*serial S1; \/dev\/sdc/,
  );
  expect(reason(choose([stick]))).toBe("no disk is fixed; there are /dev/sda, 8.0 GiB, QEMU");
});

test("a rule chooses by size, name, or what a disk says of itself", () => {
  const all = [stick, small, large];
  expect(erased(choose(all, "smallest"))).toBe("/dev/sdb");
  expect(erased(choose(all, "largest"))).toBe("/dev/sdc");
  expect(erased(choose(all, "/dev/sda"))).toBe("/dev/sda");
  expect(erased(choose(all, "model=*SSD*"))).toBe("/dev/sdb");
  expect(erased(choose(all, "wwid=naa.5000c500a1b2c3d4"))).toBe("/dev/sdc");
  expect(reason(choose(all, "serial=S*"))).toStartWith("more than one disk is of serial S*: /dev/sdb");
  expect(reason(choose(all, "serial=S"))).toStartWith("no disk is of serial S; there are /dev/sda");
});

test("what nobody can install to is refused with the reason", () => {
  expect(reason(choose([disk("/dev/vda", { bytes: imageBytes - 1 })]))).toBe(
    "/dev/vda, 2.0 GiB, QEMU is too small: the image needs 2.0 GiB",
  );
  expect(reason(choose([disk("/dev/vda", { inUse: "is part of md0" })]))).toContain("is in use: it is part of md0");
  expect(reason(choose([disk("/dev/vda", { readOnly: true })]))).toContain("can only be read");
  expect(reason(choose([disk("/dev/vda", { sectorBytes: 4096 })]))).toContain("sectors of 4096 bytes");
  expect(erased(choose([disk("/dev/vda", { inUse: "is the medium of the installer" }), small]))).toBe("/dev/sdb");
});

test("an installation is kept unless it is to be replaced, wherever it is", () => {
  const partitions = [{ name: "sdc6", label: "ORLOP-PRIVATE", bytes: 40 * 2 ** 20 }];
  const installed = { ...large, partitions };
  expect(choose([small, installed], "smallest")).toEqual({ kind: "installed", disk: installed });
  expect(erased(choose([small, installed], "smallest", true))).toBe("/dev/sdb");
  expect(erased(choose([small, installed], "largest", true))).toBe("/dev/sdc");
});

test("a disk that only calls itself an installation is not started in place of the machine's own", () => {
  const partitions = [{ name: "p6", label: "ORLOP-PRIVATE", bytes: 40 * 2 ** 20 }];
  const [own, stranger] = [
    { ...large, partitions },
    { ...small, partitions },
  ];
  expect(reason(choose([stranger, own], "largest"))).toMatch(
    /^more than one disk has an installation: \/dev\/sdb.*\/dev\/sdc/,
  );
  expect(choose([stranger, own], "serial=S2")).toEqual({ kind: "installed", disk: own });
  expect(reason(choose([stranger, large], "serial=S2"))).toMatch(
    /^\/dev\/sdb.* has an installation, and is not of serial S2/,
  );
  // A stick is none of the fixed disks.
  expect(choose([{ ...stick, partitions }, own])).toEqual({ kind: "installed", disk: own });
  expect(erased(choose([{ ...stick, partitions }, large]))).toBe("/dev/sdc");
  expect(choose([{ ...stick, partitions }, large], "/dev/sda")).toMatchObject({ kind: "installed" });
});

test("a rule that is none is refused with those that there are", () => {
  for (const text of ["", "first", "/dev/../sda", "/etc/passwd", "size=3", "serial="]) {
    expect(() => parseDiskRule(text)).toThrow(
      `cannot choose a disk by "${text}": expected only, smallest, largest, /dev/NAME`,
    );
  }
});
