/**
 * What a first boot leaves for the next one, which seals the private partition before anything is mounted: for whom the recovery
 * key is, and which files whoever made the disk put onto the partition that is made anew.
 *
 * It lies on the ESP, since the partition itself is emptied. That it is to be followed is said by the label of what is on the
 * partition (os/initrd/init): without that, nobody reads it.
 */
import { open, readFile } from "node:fs/promises";
import { basename, join, relative } from "node:path";
import { z } from "zod";
import { isNotFound } from "../../lib/failure.ts";
import { namesIn, removeDurably, writeFileAtomic } from "../../lib/files/files.ts";
import { readRecord } from "../../lib/files/record.ts";
import { dataPartitions, placed } from "../kept/things.ts";
import { hostPath, type System } from "../machine/system.ts";
import { espPath } from "../update/boot/sets.ts";

const orderPath = join(espPath, "orlop/sealing.json");

const order = z.object({
  recipients: z.array(z.string()).min(1).readonly(),
  /** By path on the private partition. */
  files: z.record(z.string(), z.base64()),
});
export type SealingOrder = z.infer<typeof order>;

/** @throws {Failure<"damaged-record">} */
export async function readOrder(system: System): Promise<SealingOrder | undefined> {
  return await readRecord(hostPath(system, orderPath), order, "make the machine anew");
}

/** With what lies on the partition now. */
export async function leaveOrder(system: System, recipients: readonly string[]): Promise<void> {
  const files: Record<string, string> = {};
  const keep = async (path: string, name: string): Promise<void> => {
    try {
      files[name] = (await readFile(hostPath(system, path))).toString("base64");
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  };
  for (const path of Object.values(placed)) await keep(path, basename(path));
  const directory = basename(dataPartitions.path);
  for (const name of await namesIn(hostPath(system, dataPartitions.path))) {
    await keep(join(dataPartitions.path, name), join(directory, name));
  }
  const text = `${JSON.stringify({ recipients, files } satisfies SealingOrder)}\n`;
  await writeFileAtomic(hostPath(system, orderPath), text, 0o600, system.storage);
}

/** What was in it may be secret: it is overwritten, since FAT leaves what was removed. */
export async function removeOrder(system: System): Promise<void> {
  const path = hostPath(system, orderPath);
  try {
    await using file = await open(path, "r+");
    await file.write(Buffer.alloc((await file.stat()).size), 0, undefined, 0);
    await file.sync();
  } catch (error) {
    if (isNotFound(error)) return;
    throw error;
  }
  await removeDurably(path, system.storage);
}

/** Where a file of an order goes; nothing leads out of the directory. */
export function placeIn(directory: string, name: string): string {
  const path = join(directory, name);
  const inside = relative(directory, path);
  if (inside === "" || inside.startsWith("..")) throw new Error(`bug: ${name} is no place on the partition`);
  return path;
}
