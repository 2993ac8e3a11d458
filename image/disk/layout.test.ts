import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { osDirectory } from "../root/os-content.ts";
import { dataPartitionType, diskLayout, repartDefinition, sizes } from "./layout.ts";

const inputs = {
  architecture: "x86_64",
  esp: "/esp",
  root: { path: "/root.erofs", bytes: 200 * 2 ** 20 },
  hash: { path: "/root.verity", bytes: 2 * 2 ** 20 },
} as const;

test("a disk has two sets of root and hash tree between ESP and private partition", () => {
  expect(diskLayout(inputs).map(({ label }) => label)).toEqual([
    "ORLOP-ESP",
    "ORLOP-ROOT-A",
    "ORLOP-HASH-A",
    "ORLOP-ROOT-B",
    "ORLOP-HASH-B",
    "ORLOP-PRIVATE",
  ]);
});

test("both sets have the same sizes, and all partitions leave room for data on the disk", () => {
  const [, rootA, hashA, rootB, hashB] = diskLayout(inputs);
  expect([rootA?.bytes, hashA?.bytes]).toEqual([rootB?.bytes, hashB?.bytes]);
  const total = diskLayout(inputs).reduce((sum, { bytes }) => sum + bytes, 0);
  expect(sizes.disk - total).toBeGreaterThan(512 * 2 ** 20);
});

test("the hash partition holds the tree of a root that fills its partition", () => {
  // SHA-256 of 4 KiB blocks: 128 hashes in a block, in levels.
  let blocks = sizes.root / 4096;
  let treeBlocks = 1;
  while (blocks > 1) {
    blocks = Math.ceil(blocks / 128);
    treeBlocks += blocks;
  }
  expect(treeBlocks * 4096).toBeLessThanOrEqual(sizes.hash);
});

test("types are those of the architecture", () => {
  const types = diskLayout({ ...inputs, architecture: "aarch64" }).map(({ type }) => type);
  expect(types.slice(1, 3)).toEqual(["root-arm64", "root-arm64-verity"]);
});

test("a root that does not fit is refused with its size and the limit", () => {
  const large = { ...inputs, root: { ...inputs.root, bytes: 600 * 2 ** 20 } };
  expect(() => diskLayout(large)).toThrow("the root of 600.0 MiB does not fit into 512.0 MiB");
});

test("a definition names exactly what the partition has", () => {
  expect(repartDefinition({ type: "esp", label: "ORLOP-ESP", bytes: 4096, format: "vfat", files: "/esp" })).toBe(
    [
      "[Partition]",
      "Type=esp",
      "Label=ORLOP-ESP",
      "SizeMinBytes=4096",
      "SizeMaxBytes=4096",
      "Format=vfat",
      "CopyFiles=/esp:/",
      "",
    ].join("\n"),
  );
});

test("the host makes its data partition with the type that we know it by", async () => {
  const definition = await readFile(join(osDirectory, "repart/data/10-data.conf"), "utf8");
  expect(definition).toContain(`Type=${dataPartitionType}\n`);
  expect(definition).toContain("Label=ORLOP-DATA\n");
});
