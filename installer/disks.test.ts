import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdir, mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { disksOf, volumeOn } from "./disks.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "installer-disks-"));
  // As the kernel shows a disk of NVMe, one behind SCSI that is part of an array, a stick, and what is none of them.
  const attributes: Record<string, string | Buffer> = {
    "nvme0n1/size": "16777216\n",
    "nvme0n1/removable": "0\n",
    "nvme0n1/ro": "0\n",
    "nvme0n1/queue/logical_block_size": "512\n",
    "nvme0n1/wwid": "eui.0025388b71b2fd1e\n",
    "nvme0n1/device/model": "ACME SSD 8                              \n",
    "nvme0n1/device/serial": "S3Z8NB0K        \n",
    "nvme0n1/nvme0n1p1/uevent": "MAJOR=259\nPARTN=1\nPARTNAME=ORLOP-PRIVATE\n",
    "nvme0n1/nvme0n1p1/size": "81920\n",
    "nvme0c0n1/size": "16777216\n",
    "nvme0c0n1/hidden": "1\n",
    "sda/size": "7814037168\n",
    "sda/removable": "0\n",
    "sda/ro": "0\n",
    "sda/queue/logical_block_size": "4096\n",
    "sda/device/model": "ACME HDD\n",
    "sda/device/wwid": "naa.5000c500a1b2c3d4\n",
    "sda/device/vpd_pg80": Buffer.from("\0\x80\0\x08ZA1B2C3D", "latin1"),
    "sda/holders/md127/size": "0\n",
    "sdb/size": "31266816\n",
    "sdb/removable": "1\n",
    "sdb/ro": "1\n",
    "sdc/size": "0\n",
    "sdc/removable": "1\n",
    "sr0/size": "460000\n",
    "loop0/size": "100\n",
    "mmcblk0boot0/size": "8192\n",
    "dm-0/size": "100\n",
  };
  for (const [path, content] of Object.entries(attributes)) {
    const file = join(directory, "sys/block", path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
  }
});
afterAll(async () => await rm(directory, { recursive: true }));

test("disks are told with all by which they are chosen, and other block devices are not", async () => {
  expect(await disksOf(join(directory, "sys"), "/dev/sdb")).toEqual([
    {
      path: "/dev/nvme0n1",
      bytes: 8 * 2 ** 30,
      sectorBytes: 512,
      model: "ACME SSD 8",
      serial: "S3Z8NB0K",
      wwid: "eui.0025388b71b2fd1e",
      removable: false,
      readOnly: false,
      inUse: undefined,
      partitions: [{ name: "nvme0n1p1", label: "ORLOP-PRIVATE", bytes: 40 * 2 ** 20 }],
    },
    expect.objectContaining({
      path: "/dev/sda",
      sectorBytes: 4096,
      serial: "ZA1B2C3D",
      wwid: "naa.5000c500a1b2c3d4",
      inUse: "is part of md127",
    }),
    expect.objectContaining({
      path: "/dev/sdb",
      removable: true,
      readOnly: true,
      inUse: "is the medium of the installer",
    }),
  ]);
});

test("a medium is known by the name of its volume", async () => {
  const path = join(directory, "medium");
  await using file = await open(path, "w");
  await file.truncate(40 * 2048);
  await file.write(
    Buffer.from(`\x01CD001\x01\0${" ".repeat(32)}${"ORLOP_0123456789ABCDEF".padEnd(32)}`),
    0,
    72,
    16 * 2048,
  );
  expect(await volumeOn(path)).toBe("ORLOP_0123456789ABCDEF");
  expect(await volumeOn(join(directory, "sys/block/sda/size"))).toBeUndefined();
  expect(await volumeOn(join(directory, "nothing"))).toBeUndefined();
});
