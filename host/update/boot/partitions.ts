/**
 * Where the two sets are: found from the device that `/` runs on, through sysfs, never by a name that another disk could
 * have as well.
 *
 * `/` is a dm-verity device; its slaves are the active root and hash partitions. The others are on the same disk, by
 * the names that the disk layout gives them. Source: kernel Documentation/ABI/testing/sysfs-block; PARTNAME in uevent.
 */
import { readdir, readFile, realpath } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Failure } from "../../../lib/failure.ts";
import { readTextIfPresent } from "../../../lib/files/files.ts";
import { hostPath, type System } from "../../machine/system.ts";
import { setNames, type SetName } from "./boot-entry.ts";

export type Partition = {
  /** "/dev/vda4" */
  path: string;
  bytes: number;
};

export type Partitions = { active: SetName; sets: Record<SetName, { root: Partition; hash: Partition }> };

const sectorBytes = 512;
const nameOf = (role: "ROOT" | "HASH", set: SetName): string => `ORLOP-${role}-${set.toUpperCase()}`;

/** @throws {Failure<"no-partition-sets">} when this host does not run from one of two sets */
export async function findPartitions(system: System): Promise<Partitions> {
  const slaves = await rootSlaves(system);
  const slaveNames = await Promise.all(slaves.map(async (path) => (await described(path)).name));
  const active = setNames.find((set) => slaveNames.includes(nameOf("ROOT", set)));
  const first = slaves[0];
  if (active === undefined || first === undefined || !slaveNames.includes(nameOf("HASH", active))) {
    throw noSets(`the root runs from ${slaveNames.map((name) => name ?? "a nameless partition").join(" and ")}`);
  }
  const disk = dirname(first);
  const known = new Map<string, Partition>();
  for (const entry of await readdir(disk, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue; // attributes of the disk
    if ((await readTextIfPresent(join(disk, entry.name, "partition"))) === undefined) continue;
    const { name, ...partition } = await described(join(disk, entry.name));
    if (name !== undefined && !known.has(name)) known.set(name, partition);
  }
  const partition = (role: "ROOT" | "HASH", set: SetName): Partition => {
    const device = known.get(nameOf(role, set));
    if (device === undefined) throw noSets(`${basename(disk)} has no partition ${nameOf(role, set)}`);
    return device;
  };
  const ofSet = (set: SetName): { root: Partition; hash: Partition } => ({
    root: partition("ROOT", set),
    hash: partition("HASH", set),
  });
  return { active, sets: { a: ofSet("a"), b: ofSet("b") } };
}

/** The sysfs directories of what is below the device that `/` is mounted from. */
async function rootSlaves(system: System): Promise<string[]> {
  const mounts = await readTextIfPresent(hostPath(system, "/proc/self/mountinfo"));
  if (mounts === undefined) throw noSets("there is no /proc"); // a directory that stands for a host
  const device = mounts
    .split("\n")
    .map((line) => line.split(" "))
    .filter((fields) => fields[4] === "/")
    .at(-1)?.[2];
  if (device === undefined) throw noSets("nothing is mounted on /");
  const directory = hostPath(system, `/sys/dev/block/${device}/slaves`);
  let names: string[];
  try {
    names = (await readdir(directory)).toSorted();
  } catch (cause) {
    throw noSets(`/ is on the device ${device}, which is no device-mapper device`, cause);
  }
  if (names.length === 0) throw noSets(`/ is on the device ${device}, which has no partitions below it`);
  return await Promise.all(names.map(async (name) => await realpath(join(directory, name))));
}

async function described(directory: string): Promise<Partition & { name: string | undefined }> {
  const uevent = await readFile(join(directory, "uevent"), "utf8");
  const field = (key: string): string | undefined => new RegExp(`^${key}=(.+)$`, "m").exec(uevent)?.[1];
  const sectors = Number((await readFile(join(directory, "size"), "utf8")).trim());
  return {
    name: field("PARTNAME"),
    path: `/dev/${field("DEVNAME") ?? basename(directory)}`,
    bytes: sectors * sectorBytes,
  };
}

function noSets(reason: string, cause?: unknown): Failure<"no-partition-sets"> {
  return new Failure("no-partition-sets", `cannot tell the partition sets of this host: ${reason}`, { cause });
}
