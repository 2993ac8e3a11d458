import { expect, test } from "bun:test";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writePartitionSets, testPartitionBytes } from "../../../test/worlds/update/partition-sets.ts";
import { testSystem } from "../../../test/worlds/host/system.ts";
import { findPartitions } from "./partitions.ts";

test("the set below / is the active one, and the other is found on the same disk", async () => {
  for (const active of ["a", "b"] as const) {
    await using host = await testSystem();
    await writePartitionSets(host, active, "1.0.0");
    const sets = await findPartitions(host.system);
    expect(sets.active).toBe(active);
    expect(sets.sets.a).toEqual({
      root: { path: "/dev/vda2", bytes: testPartitionBytes.root },
      hash: { path: "/dev/vda3", bytes: testPartitionBytes.hash },
    });
    expect(sets.sets.b.root.path).toBe("/dev/vda4");
  }
});

test("a host that runs otherwise is told why it has no sets", async () => {
  const broken: [string, string | undefined, string][] = [
    ["/proc/self/mountinfo", "22 21 0:5 / /dev rw - devtmpfs dev rw\n", "nothing is mounted on /"],
    ["/proc/self/mountinfo", "21 1 8:1 / / rw - ext4 /dev/sda1 rw\n", "no device-mapper device"],
    ["/sys/devices/pci0000:00/virtio1/block/vda/vda3/uevent", "DEVNAME=vda3\n", "a nameless partition"],
    ["/sys/devices/pci0000:00/virtio1/block/vda/vda5/partition", undefined, "no partition ORLOP-HASH-B"],
  ];
  for (const [path, text, message] of broken) {
    await using host = await testSystem();
    await writePartitionSets(host, "a", "1.0.0");
    if (text === undefined) await rm(join(host.system.root, path));
    else await writeFile(join(host.system.root, path), text);
    await expect(findPartitions(host.system)).rejects.toMatchObject({
      code: "no-partition-sets",
      message: expect.stringContaining(message),
    });
  }
});
