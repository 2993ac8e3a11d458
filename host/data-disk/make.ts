/**
 * Makes the data partition on the empty disk that udev found (`os/udev/90-orlop.rules`), and keeps which one it is.
 *
 * Source: systemd-repart(8), repart.d(5). Its UUID is random, and not derived from the machine's id as repart would: who
 * can guess it could make another disk look like this one.
 */
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { namesIn, removeDurably, writeFileAtomic } from "../../lib/files/files.ts";
import { dataPartitions } from "../kept/things.ts";
import { hostPath, type System } from "../machine/system.ts";

const emptyDisk = "/dev/orlop/empty-disk";
const dataLink = "/dev/orlop/data";
const definition = "/usr/lib/orlop/repart/data/10-data.conf";
/** The unit's runtime directory. */
const ownDefinitions = "/run/make-data-disk/repart";
/** Formatting a large disk discards its blocks. */
const formatMs = 30 * 60_000;

/** @returns the PARTUUID of the new partition */
export async function makeDataDisk(system: System): Promise<string> {
  const uuid = randomUUID();
  await keep(system, uuid);
  const own = `${await readFile(hostPath(system, definition), "utf8")}UUID=${uuid}\n`;
  await writeFileAtomic(hostPath(system, join(ownDefinitions, "10-data.conf")), own);
  const repart = ["systemd-repart", "--dry-run=no", "--empty=require", "--seed=random"] as const;
  await system.run([...repart, `--definitions=${hostPath(system, ownDefinitions)}`, emptyDisk], { limitMs: formatMs });
  await system.run(["udevadm", "wait", "--timeout=30", dataLink]);
  return uuid;
}

/** In place of what was kept before: the partition of a disk that is gone, or one that was never made. */
async function keep(system: System, uuid: string): Promise<void> {
  const directory = hostPath(system, dataPartitions.path);
  for (const name of await namesIn(directory, system.storage)) {
    await removeDurably(join(directory, name), system.storage);
  }
  await writeFileAtomic(join(directory, uuid), "", 0o600, system.storage);
}
