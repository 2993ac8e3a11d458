/**
 * What makes the firmware start the disk: an entry of its boot menu, first in its order, and the one for the next start.
 *
 * Sources: UEFI specification 2.10, 3.1.3 (load options), 3.3 (variables), 10.3.5.1 (hard drive paths) and 10.3.5.4
 * (file paths); "efivarfs" of the kernel: four bytes of attributes precede a value.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeFirmwareVariable } from "../host/machine/linux.ts";
import { readIfPresent } from "../lib/files/files.ts";
import type { TableEntry } from "../lib/partition-table.ts";

const globalVariables = "8be4df61-93ca-11d2-aa0d-00e098032b8c";
/** Kept by the firmware, and readable before and after the system started. */
const attributes = Buffer.from([7, 0, 0, 0]);
const active = 1;
const title = "Orlop";
const loaders = { x64: "\\EFI\\BOOT\\BOOTX64.EFI", arm64: "\\EFI\\BOOT\\BOOTAA64.EFI" } as const;

/** An entry of the boot menu that starts the loader on an EFI system partition. */
export function loadOption(partition: TableEntry, loader: string): Buffer {
  const text = (value: string): Buffer => Buffer.from(`${value}\0`, "utf16le");
  const drive = Buffer.alloc(42);
  drive.set([4, 1, drive.length, 0]);
  drive.writeUInt32LE(1, 4); // it is the first of its disk
  drive.writeBigUInt64LE(BigInt(partition.first), 8);
  drive.writeBigUInt64LE(BigInt(partition.sectors), 16);
  partition.id.copy(drive, 24);
  drive.set([2, 2], 40); // a GPT, which knows it by that id
  const file = Buffer.concat([Buffer.from([4, 4, 0, 0]), text(loader)]);
  file.writeUInt16LE(file.length, 2);
  const path = Buffer.concat([drive, file, Buffer.from([0x7f, 0xff, 4, 0])]);
  const head = Buffer.alloc(6);
  head.writeUInt32LE(active, 0);
  head.writeUInt16LE(path.length, 4);
  return Buffer.concat([head, text(title), path]);
}

/** The variables of an installed disk: its entry, which replaces an earlier one of ours, the order, and the next start. */
export function bootVariables(
  present: ReadonlyMap<string, Buffer>,
  partition: TableEntry,
  loader: string,
): Map<string, Buffer> {
  const number = ownEntry(present) ?? freeEntry(present);
  const order = present.get("BootOrder") ?? Buffer.alloc(0);
  const rest = Array.from({ length: order.length / 2 }, (_, at) => order.readUInt16LE(2 * at));
  return new Map([
    [entryName(number), loadOption(partition, loader)],
    ["BootOrder", numbers([number, ...rest.filter((entry) => entry !== number)])],
    ["BootNext", numbers([number])],
  ]);
}

/** @param directory where efivarfs is mounted */
export async function isSecureBootOn(directory: string): Promise<boolean> {
  const value = await readIfPresent(join(directory, `SecureBoot-${globalVariables}`));
  return value?.[attributes.length] === 1;
}

/** @param directory where efivarfs is mounted */
export async function startFromDisk(directory: string, partition: TableEntry): Promise<void> {
  const suffix = `-${globalVariables}`;
  const names = (await readdir(directory)).filter((name) => /^Boot(?:[0-9A-F]{4}|Order)-/.test(name));
  const present = new Map<string, Buffer>();
  for (const name of names.filter((file) => file.endsWith(suffix))) {
    present.set(name.slice(0, -suffix.length), (await readFile(join(directory, name))).subarray(attributes.length));
  }
  const loader = process.arch === "arm64" ? loaders.arm64 : loaders.x64;
  for (const [name, value] of bootVariables(present, partition, loader)) {
    writeFirmwareVariable(join(directory, `${name}${suffix}`), Buffer.concat([attributes, value]));
  }
}

function ownEntry(present: ReadonlyMap<string, Buffer>): number | undefined {
  const ours = Buffer.from(`${title}\0`, "utf16le");
  for (const [name, value] of present) {
    const number = entryNumber(name);
    if (number !== undefined && value.subarray(6, 6 + ours.length).equals(ours)) return number;
  }
  return undefined;
}

function freeEntry(present: ReadonlyMap<string, Buffer>): number {
  const used = new Set([...present.keys()].map(entryNumber));
  let number = 0;
  while (used.has(number)) number++;
  return number;
}

function entryNumber(name: string): number | undefined {
  const digits = /^Boot([0-9A-F]{4})$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number.parseInt(digits, 16);
}

function entryName(number: number): string {
  return `Boot${number.toString(16).toUpperCase().padStart(4, "0")}`;
}

function numbers(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(2 * values.length);
  for (const [at, value] of values.entries()) bytes.writeUInt16LE(value, 2 * at);
  return bytes;
}
