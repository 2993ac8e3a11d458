/** Protects: the data partition on a disk of its own is known by more than its name, also after a loss of power. */
import { expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { testSystem, type TestSystem } from "../../test/worlds/host/system.ts";
import { makeDataDisk } from "./make.ts";

const kept = "run/private/data-partition";

async function machine(): Promise<TestSystem> {
  const host = await testSystem();
  await host.write("/usr/lib/orlop/repart/data/10-data.conf", "[Partition]\nLabel=ORLOP-DATA\n");
  host.programs.set("udevadm", () => "");
  return host;
}

test("what is kept is on the disk before the partition is made, and names the one that is made", async () => {
  await using host = await machine();
  let keptBefore: string[] = [];
  host.programs.set("systemd-repart", async () => {
    keptBefore = await readdir(join(host.system.root, kept));
    return "";
  });
  const uuid = await makeDataDisk(host.system);
  expect(keptBefore).toEqual([uuid]);
  expect(await host.read("/run/make-data-disk/repart/10-data.conf")).toBe(
    `[Partition]\nLabel=ORLOP-DATA\nUUID=${uuid}\n`,
  );
  expect(host.ran.at(-1)).toBe("udevadm wait --timeout=30 /dev/orlop/data");
});

test("an attempt that was cut short is begun anew, with one partition that is kept", async () => {
  await using host = await machine();
  host.programs.set("systemd-repart", () => ({ stdout: "", stderr: "power failed", exitCode: 1 }));
  await expect(makeDataDisk(host.system)).rejects.toThrow("power failed");
  host.programs.set("systemd-repart", () => "");
  const uuid = await makeDataDisk(host.system);
  expect(await readdir(join(host.system.root, kept))).toEqual([uuid]);
});

test("no two partitions are the same one", async () => {
  const uuids = new Set<string>();
  for (const _ of [1, 2]) {
    await using host = await machine();
    host.programs.set("systemd-repart", () => "");
    uuids.add(await makeDataDisk(host.system));
  }
  expect(uuids.size).toBe(2);
});
