/** The disks of this machine, as sysfs shows them. */
import { open, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { isNotFound } from "../lib/failure.ts";
import type { InstallDisk } from "./disk-rule.ts";

/** What is a block device, and no disk to install to. */
const unsuitable = /^(?:loop|ram|zram|sr|fd|md|dm-|nbd|mtd)|boot\d+$|rpmb$/;
/** sysfs counts in these whatever the disk has. */
const unitBytes = 512;

/**
 * @param sysfs "/sys" on a machine
 * @param medium path of the device that the installer itself came from
 */
export async function disksOf(sysfs: string, medium: string | undefined): Promise<InstallDisk[]> {
  const names = (await readdir(join(sysfs, "block"))).filter((name) => !unsuitable.test(name)).toSorted();
  const disks = await Promise.all(names.map(async (name) => await diskOf(sysfs, name, medium)));
  return disks.filter((disk) => disk !== undefined);
}

async function diskOf(sysfs: string, name: string, medium: string | undefined): Promise<InstallDisk | undefined> {
  const directory = join(sysfs, "block", name);
  const attribute = async (...paths: string[]): Promise<string> => {
    for (const path of paths) {
      const text = await readAttribute(join(directory, path));
      if (text !== "") return text;
    }
    return "";
  };
  const bytes = Number(await attribute("size")) * unitBytes;
  // A reader without a card, or a second path to a disk of NVMe.
  if (bytes === 0 || (await attribute("hidden")) === "1") return undefined;
  const path = `/dev/${name}`;
  return {
    path,
    bytes,
    sectorBytes: Number(await attribute("queue/logical_block_size")) || unitBytes,
    model: await attribute("device/model"),
    serial: await attribute("serial", "device/serial", "device/vpd_pg80"),
    wwid: await attribute("wwid", "device/wwid"),
    removable: (await attribute("removable")) === "1",
    readOnly: (await attribute("ro")) === "1",
    inUse: await useOf(directory, path === medium),
    partitions: await partitionsOf(directory, name),
  };
}

async function useOf(directory: string, isMedium: boolean): Promise<string | undefined> {
  if (isMedium) return "is the medium of the installer";
  const holders = await namesOrNone(join(directory, "holders"));
  return holders.length > 0 ? `is part of ${holders.join(", ")}` : undefined;
}

async function partitionsOf(directory: string, disk: string): Promise<InstallDisk["partitions"]> {
  const names = (await readdir(directory)).filter((name) => name.startsWith(disk)).toSorted();
  return await Promise.all(
    names.map(async (name) => {
      const event = await readAttribute(join(directory, name, "uevent"));
      const bytes = Number(await readAttribute(join(directory, name, "size"))) * unitBytes;
      return { name, label: /^PARTNAME=(.*)$/m.exec(event)?.[1] ?? "", bytes };
    }),
  );
}

/** Where a volume descriptor of ISO 9660 lies, and its name in it. Source: ECMA-119, 8.4. */
const descriptor = { at: 16 * 2048, bytes: 2048, nameAt: 40, nameBytes: 32 };

/** The block device, CD-ROMs among them, that is a volume of ISO 9660 with that name. */
export async function deviceOfVolume(volume: string): Promise<string | undefined> {
  for (const name of (await readdir("/sys/block")).toSorted()) {
    if (/^(?:loop|ram|zram|dm-|md)/.test(name)) continue;
    if ((await volumeOn(`/dev/${name}`)) === volume) return `/dev/${name}`;
  }
  return undefined;
}

/** The name of the volume on a device or in a file; undefined where there is none, or no medium. */
export async function volumeOn(path: string): Promise<string | undefined> {
  const bytes = Buffer.alloc(descriptor.bytes);
  try {
    await using file = await open(path, "r");
    const { bytesRead } = await file.read(bytes, 0, bytes.length, descriptor.at);
    if (bytesRead < bytes.length || bytes.toString("latin1", 1, 6) !== "CD001") return undefined;
  } catch {
    // Drives without a medium, and devices of which nobody can read: they have no such volume.
    return undefined;
  }
  return bytes.toString("latin1", descriptor.nameAt, descriptor.nameAt + descriptor.nameBytes).trimEnd();
}

/** Empty where the device has none. SCSI's page of the serial number begins with four bytes of its own. */
async function readAttribute(path: string): Promise<string> {
  try {
    const bytes = await readFile(path);
    return bytes
      .subarray(path.endsWith("vpd_pg80") ? 4 : 0)
      .toString("latin1")
      .replaceAll("\0", "")
      .trim();
  } catch {
    return "";
  }
}

async function namesOrNone(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (isNotFound(error)) return [];
    throw error;
  }
}
