import { expect, test } from "bun:test";
import { entryOf, type TableEntry, tableEntries } from "./partition-table.ts";

const esp: TableEntry = {
  label: "ORLOP-ESP",
  id: Buffer.from("00112233445566778899aabbccddeeff", "hex"),
  first: 2048,
  sectors: 393216,
};

test("a table gives partitions by their labels, and a disk without one is refused", () => {
  const head = Buffer.alloc(40 * 512);
  head.write("EFI PART", 512, "latin1");
  head.writeBigUInt64LE(2n, 512 + 72);
  head.writeUInt32LE(128, 512 + 80);
  head.writeUInt32LE(128, 512 + 84);
  const at = 1024 + 128;
  head.fill(0x11, at, at + 16);
  esp.id.copy(head, at + 16);
  head.writeBigUInt64LE(BigInt(esp.first), at + 32);
  head.writeBigUInt64LE(BigInt(esp.first + esp.sectors - 1), at + 40);
  head.write(esp.label, at + 56, "utf16le");
  expect(tableEntries(head)).toEqual([esp]);
  expect(entryOf(head, "ORLOP-ESP")).toEqual(esp);
  expect(() => entryOf(head, "ORLOP-DATA")).toThrow("cannot find ORLOP-DATA in the partition table");
  expect(() => tableEntries(Buffer.alloc(4096))).toThrow("the disk begins with none");
});
