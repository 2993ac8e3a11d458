/** The partitions of a disk with 512-byte sectors, by its table (GPT). Source: UEFI specification 2.10, section 5.3. */
import { Failure } from "./failure.ts";

export type TableEntry = {
  label: string;
  /** As on the disk, and as in a device path of the firmware. */
  id: Buffer;
  /** In sectors of 512 bytes. */
  first: number;
  sectors: number;
};

const sectorBytes = 512;

/**
 * The partitions in the first bytes of a disk.
 *
 * @throws {Failure<"no-partition-table">}
 */
export function tableEntries(head: Buffer): TableEntry[] {
  const header = head.subarray(sectorBytes, 2 * sectorBytes);
  if (header.length < sectorBytes || header.toString("latin1", 0, 8) !== "EFI PART") {
    throw new Failure("no-partition-table", "cannot read the partition table: the disk begins with none");
  }
  const start = Number(header.readBigUInt64LE(72)) * sectorBytes;
  const [count, size] = [header.readUInt32LE(80), header.readUInt32LE(84)];
  const entries: TableEntry[] = [];
  for (let at = start; at < start + count * size && at + size <= head.length; at += size) {
    const entry = head.subarray(at, at + size);
    if (entry.subarray(0, 16).every((byte) => byte === 0)) continue;
    const [first, last] = [Number(entry.readBigUInt64LE(32)), Number(entry.readBigUInt64LE(40))];
    const label = entry.toString("utf16le", 56, 128).replace(/\0.*$/s, "");
    entries.push({ label, id: Buffer.from(entry.subarray(16, 32)), first, sectors: last - first + 1 });
  }
  return entries;
}

/** @throws {Failure<"no-partition-table">} when it has no such partition */
export function entryOf(head: Buffer, label: string): TableEntry {
  const entry = tableEntries(head).find((candidate) => candidate.label === label);
  if (entry !== undefined) return entry;
  throw new Failure("no-partition-table", `cannot find ${label} in the partition table`);
}
