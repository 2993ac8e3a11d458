/** Protects: what is not exactly what the signed root hash promises is refused before it can boot. */
import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { efiProgram, hashTree, testImage, reading } from "../../../test/worlds/update/update-image.ts";
import { openBlockDevice } from "../../machine/block-device.ts";
import { promisedBy } from "../boot/unified-image.ts";
import { levelsOf, verifyTree } from "./verity-tree.ts";

const signal = new AbortController().signal;

async function verified(root: Buffer, hash: Buffer, kernel: Buffer): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), "orlop-verity-"));
  try {
    await writeFile(join(directory, "root"), root);
    await writeFile(join(directory, "hash"), hash);
    await using rootDevice = await openBlockDevice(join(directory, "root"), root.length);
    await using hashDevice = await openBlockDevice(join(directory, "hash"), hash.length);
    let read = 0;
    await verifyTree(rootDevice, hashDevice, await promisedBy(reading(kernel)), (bytes) => (read += bytes), signal);
    return read;
  } finally {
    await rm(directory, { recursive: true });
  }
}

test("the trees of these tests are those that veritysetup makes of the same bytes", () => {
  // veritysetup 2.7.5 format --hash=sha256 --salt=abab… --uuid=00112233-4455-8677-8899-aabbccddeeff
  const known: [number, string, string][] = [
    [5, "ec5d10cf8bfc45be49ae4db0cf96f94996cf3ed873b42cca3ad75f70c4afd0fc", "3925c54c7b0925f68defa6ea2ed968c3a568009561c5b1a0bae301d291f45ccd"],
    [129, "9dc25b527d37c03cd1db20c64a3a3355605133b98147936afc77f8440e580546", "6b7aded8a7fde9835a399a71ef73d81170aaff075114d97c6054c97ef7202eaf"],
    [300, "2ee2943d173765bcb8df0109e3a9ffa68cf7b3d2907f473614ae9e347cec9c73", "06fcc7de50db3776d203d668785901be3f497d3e01e9e559fa6cabee269a10b0"],
  ]; // prettier-ignore
  for (const [blocks, rootHash, digest] of known) {
    const image = testImage(blocks);
    expect(image.rootHash).toBe(rootHash);
    expect(createHash("sha256").update(image.hash).digest("hex")).toBe(digest);
  }
});

test("trees of one, two and three levels are accepted, whatever follows them on the partition", async () => {
  for (const blocks of [2, 5, 128, 129, 300, 16_500]) {
    const { root, hash, kernel } = testImage(blocks);
    expect(await verified(Buffer.concat([root, Buffer.alloc(8192, 1)]), hash, kernel)).toBeGreaterThan(root.length);
  }
});

test("levels lie behind each other from the top down", () => {
  expect(levelsOf(5)).toEqual([{ firstBlock: 0, blocks: 1 }]);
  expect(levelsOf(300)).toEqual([{ firstBlock: 0, blocks: 1 }, { firstBlock: 1, blocks: 3 }]); // prettier-ignore
  expect(levelsOf(16_500).map(({ blocks }) => blocks)).toEqual([1, 2, 129]);
});

test("one changed bit anywhere in root, tree or superblock is found, and its place told", async () => {
  const { root, hash, kernel } = testImage(300);
  const flipped = (bytes: Buffer, at: number): Buffer => {
    const copy = Buffer.from(bytes);
    copy.writeUInt8((copy[at] ?? 0) ^ 1, at);
    return copy;
  };
  for (const at of [0, 4096 * 150 + 7, root.length - 1]) {
    const message = `block ${Math.floor(at / 4096)} differs`;
    await expect(verified(flipped(root, at), hash, kernel)).rejects.toThrow(message);
  }
  // Signature, UUID, number of blocks, salt, top, leaves.
  for (const at of [0, 16, 72, 88, 4096, 4096 * 2, 4096 * 3 + 100, hash.length - 4000]) {
    const outcome = verified(root, flipped(hash, at), kernel);
    await expect(outcome).rejects.toMatchObject({ code: "image-not-verified" });
  }
});

test("a whole and consistent tree of another root is refused", async () => {
  const { root, kernel } = testImage(300);
  const second = testImage(300, 1);
  await expect(verified(second.root, second.hash, kernel)).rejects.toThrow("not the signed root hash");
  await expect(verified(root.subarray(0, 4096 * 299), hashTree(root).hash, kernel)).rejects.toThrow("it ends at");
});

test("an EFI program that is cut, foreign or says nonsense about its root is refused", async () => {
  const { kernel, rootHash } = testImage(5);
  expect(await promisedBy(reading(kernel))).toMatchObject({ rootHash, dataBlocks: 5 });
  for (const bytes of [0, 2, 63, 80, 150, 200, kernel.length - 50]) {
    await expect(promisedBy(reading(kernel.subarray(0, bytes)))).rejects.toThrow("cannot use the unified kernel image");
  }
  const saying = (words: string): Buffer => efiProgram({ ".cmdline": Buffer.from(words) });
  await expect(promisedBy(reading(efiProgram({ ".linux": Buffer.from("x") })))).rejects.toThrow("no section .cmdline");
  await expect(promisedBy(reading(saying("quiet")))).rejects.toThrow("no veritytable=");
  const table = `veritytable="4096 4096 5 1 sha256 ${rootHash} aa" rootuuid=a hashuuid=b`;
  expect(await promisedBy(reading(saying(`${table} roothash=${rootHash}`)))).toMatchObject({
    salt: "aa",
    rootUuid: "a",
  });
  await expect(promisedBy(reading(saying(`${table} roothash=${rootHash.replace(/^../, "00")}`)))).rejects.toThrow(
    "not understood",
  );
  await expect(promisedBy(reading(saying(`${table.replace("sha256", "md5")} roothash=${rootHash}`)))).rejects.toThrow(
    "not understood",
  );
});
