/**
 * What is known of a boot that ended without a word of its own: firmware and devices remember more than the disk.
 *
 * A kernel that panics writes its last lines into the firmware's variables (efi-pstore), a watchdog remembers that it
 * reset the machine, and the boot loader leaves the name of an entry that it counted but could not start. Sources:
 * Documentation/ABI/testing/pstore and sysfs-class-watchdog of Linux, systemd-boot(7).
 */
import { readFile, unlink } from "node:fs/promises";
import { join } from "node:path";
import { isNotFound } from "../../../lib/failure.ts";
import { namesIn, readTextIfPresent } from "../../../lib/files/files.ts";
import { hostPath, type System } from "../../machine/system.ts";
import type { SetName } from "../boot/boot-entry.ts";

const pstorePath = "/sys/fs/pstore";
const watchdogsPath = "/sys/class/watchdog";
const countedEntryPath = "/sys/firmware/efi/efivars/LoaderBootCountPath-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";

/** WDIOF_CARDRESET of linux/watchdog.h. */
const resetByWatchdog = 0x20;
/** So many errors from before a panic are reported, the newest ones. */
const errorsShown = 3;
/** KERN_ERR; what a panic dumps of registers and stacks is less urgent. */
const errorLevel = 3;
/** A critical message of the kernel at every boot, since nobody shall stop the watchdog. */
const expected = "watchdog did not stop!";

/** Records of an earlier boot's kernel, and why it panicked when they tell. */
export type Panic = { reason: string | undefined; records: readonly string[] };

/** What cannot be read is logged and left out: the records that can be may still say why. */
export async function readPanic(system: System): Promise<Panic> {
  const directory = hostPath(system, pstorePath);
  const texts: string[] = [];
  const records: string[] = [];
  for (const name of await namesIfReadable(system, directory)) {
    const record = join(directory, name);
    try {
      texts.push(await readFile(record, "utf8"));
      records.push(record);
    } catch (error) {
      system.log.error(`boot: cannot read ${pstorePath}/${name}`, error);
    }
  }
  return { reason: panicIn(texts), records };
}

/** Once what they say is kept: firmware has little room for variables. */
export async function removeRecords(system: System, { records }: Panic): Promise<void> {
  for (const record of records) {
    try {
      await unlink(record);
    } catch (error) {
      system.log.error(`boot: cannot remove ${record}`, error);
    }
  }
}

async function namesIfReadable(system: System, directory: string): Promise<string[]> {
  try {
    return await namesIn(directory);
  } catch (error) {
    system.log.error(`boot: cannot look into ${pstorePath}`, error);
    return [];
  }
}

/** @param records of pstore, each a part of what a dying kernel logged; the last part comes first */
export function panicIn(records: readonly string[]): string | undefined {
  const parts = records.flatMap((record) => {
    const [, panic, part, text] = /^Panic#(\d+) Part(\d+)\n([^]*)$/.exec(record) ?? [];
    return text === undefined ? [] : [{ panic: Number(panic), part: Number(part), text }];
  });
  const newest = Math.max(...parts.map(({ panic }) => panic));
  const log = parts.filter(({ panic }) => panic === newest).toSorted((a, b) => b.part - a.part);
  const lines = log.flatMap(({ text }) => text.split("\n"));
  const at = lines.findLastIndex((line) => line.includes("Kernel panic - not syncing"));
  const cause = lines[at];
  if (cause === undefined) return undefined;
  const before = lines.slice(0, at).filter((line) => isError(line) && !line.includes(expected));
  return [...before.slice(-errorsShown), cause].map(withoutPrefix).join(" | ");
}

/** By "<12>" at its beginning: the level in the lower three bits, above them who says it, which is 1 for programs. */
function isError(line: string): boolean {
  const [, priority] = /^<(\d+)>/.exec(line) ?? [];
  return priority !== undefined && (Number(priority) & 7) <= errorLevel;
}

/** "<0>[    4.321] words" without what comes before the words. */
function withoutPrefix(line: string): string {
  return line.replace(/^<\d+>/, "").replace(/^\[[^\]]*\] ?/, "");
}

/** Whether a watchdog ended the boot before this one. */
export async function wasResetByWatchdog(system: System): Promise<boolean> {
  const directory = hostPath(system, watchdogsPath);
  for (const name of await namesIn(directory)) {
    const status = Number((await readTextIfPresent(join(directory, name, "bootstatus"))) ?? 0);
    if ((status & resetByWatchdog) !== 0) return true;
  }
  return false;
}

/**
 * Whether the boot loader used up a try of that set since the machine was last reset, although another one runs: the
 * firmware would not start its kernel.
 */
export async function wasRefused(system: System, set: SetName): Promise<boolean> {
  try {
    // Four bytes of attributes, then a path in UTF-16.
    const path = (await readFile(hostPath(system, countedEntryPath))).subarray(4).toString("utf16le");
    const name = path.replaceAll("\0", "").split("\\").at(-1) ?? "";
    return name.startsWith(`orlop-${set}+`);
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}
