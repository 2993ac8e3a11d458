/**
 * Whether a root and its hash tree are what a root hash promises, before anything boots from them.
 *
 * Source: cryptsetup's on-disk format of dm-verity, version 1, hash type 1: a superblock, then the levels of the tree
 * from the top one down, each digest being SHA-256 of the salt and a block of 4096 bytes. The tree is held in memory:
 * it has 1/127 of the root's size.
 */
import { Failure } from "../../../lib/failure.ts";
import type { BlockDevice } from "../../machine/block-device.ts";
import type { Promised } from "../boot/unified-image.ts";

export const blockBytes = 4096;
const digestBytes = 32;
const digestsInBlock = blockBytes / digestBytes;
const readBytes = 1024 * 1024;
/** For a root of 8 GiB; what is larger cannot be one of ours. */
const largestTreeBytes = 64 * 1024 * 1024;

/** Of a partition or a part of a file. */
export type Readable = Pick<BlockDevice, "path" | "read">;

/** What every block of a root must hash to: read from a hash device, and found to lead to the signed root hash. */
export type HashTree = { leaves: Buffer; salt: Buffer; dataBlocks: number };

/**
 * Reads both devices to their end.
 *
 * @param onRead called after each read
 * @throws {Failure<"image-not-verified">} naming the first block that differs
 */
export async function verifyTree(
  root: Readable,
  hash: Readable,
  promised: Promised,
  onRead: (bytes: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const superblock = Buffer.alloc(blockBytes);
  await hash.read(0, superblock);
  checkSuperblock(hash, superblock, promised);
  const tree = await readHashTree(hash, promised);
  onRead(tree.leaves.length);
  const good = await goodBlocks(root, tree, 0, onRead, signal);
  if (good < tree.dataBlocks) throw refuse(root, `block ${good} differs from its hash`);
}

/** The tree behind the superblock, which is not looked at. @throws {Failure<"image-not-verified">} */
export async function readHashTree(hash: Readable, promised: Promised): Promise<HashTree> {
  const levels = levelsOf(promised.dataBlocks);
  const treeBlocks = levels.reduce((sum, { blocks }) => sum + blocks, 0);
  if (treeBlocks * blockBytes > largestTreeBytes)
    throw refuse(hash, `a hash tree of ${treeBlocks} blocks is too large`);
  const tree = Buffer.allocUnsafe(treeBlocks * blockBytes);
  await hash.read(blockBytes, tree);

  const salt = Buffer.from(promised.salt, "hex");
  const digest = saltedDigest(salt);
  const actual = Buffer.alloc(digestBytes);
  const [top] = levels;
  if (top !== undefined) digest(tree, top.firstBlock, actual);
  if (top === undefined || !actual.equals(Buffer.from(promised.rootHash, "hex"))) {
    throw refuse(hash, "the top of its hash tree is not the signed root hash");
  }
  for (const [index, level] of levels.entries()) {
    const parent = levels[index - 1];
    if (parent === undefined) continue;
    for (let block = 0; block < level.blocks; block++) {
      digest(tree, level.firstBlock + block, actual);
      if (!actual.equals(digestIn(tree, parent.firstBlock, block))) {
        throw refuse(hash, `block ${level.firstBlock + block + 1} of its hash tree differs`);
      }
    }
  }
  const { firstBlock } = levels.at(-1) ?? top;
  return { leaves: tree.subarray(firstBlock * blockBytes), salt, dataBlocks: promised.dataBlocks };
}

/**
 * The number of the first block from `start` on that is not what its hash says; that of all blocks when there is none.
 *
 * @param onRead called after each read
 */
export async function goodBlocks(
  root: Readable,
  { leaves, salt, dataBlocks }: HashTree,
  start: number,
  onRead: (bytes: number) => void,
  signal: AbortSignal,
): Promise<number> {
  const digest = saltedDigest(salt);
  const actual = Buffer.alloc((readBytes / blockBytes) * digestBytes);
  const places = Array.from({ length: readBytes / blockBytes }, (_, index) => digestIn(actual, 0, index));
  // Two for all reads: what each of them left would be collected late.
  let [piece, spare] = [Buffer.allocUnsafe(readBytes), Buffer.allocUnsafe(readBytes)];
  const read = async (block: number, into: Buffer): Promise<Buffer> => {
    const data = into.subarray(0, (dataBlocks - block) * blockBytes);
    await root.read(block * blockBytes, data);
    return data;
  };
  let coming = read(start, piece);
  try {
    for (let block = start; block < dataBlocks;) {
      signal.throwIfAborted();
      const data = await coming;
      const count = data.length / blockBytes;
      [piece, spare] = [spare, piece];
      if (block + count < dataBlocks) coming = read(block + count, piece);
      for (const [each, place] of places.entries()) {
        if (each === count) break;
        digest(data, each, place);
      }
      const expected = leaves.subarray(block * digestBytes, (block + count) * digestBytes);
      if (!actual.subarray(0, expected.length).equals(expected)) {
        return block + places.findIndex((place, each) => !place.equals(digestIn(expected, 0, each)));
      }
      block += count;
      onRead(data.length);
    }
    return dataBlocks;
  } finally {
    await coming.catch(() => undefined); // nobody closes the device under it
  }
}

/** The levels from the top down, each with its place behind the superblock; none for a single block. */
export function levelsOf(dataBlocks: number): { firstBlock: number; blocks: number }[] {
  const sizes: number[] = [];
  for (let below = dataBlocks; below > 1; below = sizes.at(-1) ?? 1) {
    sizes.push(Math.ceil(below / digestsInBlock));
  }
  let firstBlock = 0;
  return sizes.toReversed().map((blocks) => {
    const level = { firstBlock, blocks };
    firstBlock += blocks;
    return level;
  });
}

/** Puts SHA-256 of the salt and a block, by its number, into `into`. A root has ten thousands: nothing is allocated. */
function saltedDigest(salt: Buffer): (data: Buffer, block: number, into: Buffer) => void {
  const salted = Buffer.concat([salt, Buffer.alloc(blockBytes)]);
  return (data, block, into) => {
    data.copy(salted, salt.length, block * blockBytes, (block + 1) * blockBytes);
    Bun.SHA256.hash(salted, into);
  };
}

/** @throws {Failure<"image-not-verified">} */
export function checkSuperblock(hash: Readable, block: Buffer, promised: Promised): void {
  const saltBytes = block.readUInt16LE(80);
  const actual = {
    signature: block.toString("latin1", 0, 8),
    version: block.readUInt32LE(8),
    hashType: block.readUInt32LE(12),
    uuid: block.toString("hex", 16, 32),
    algorithm: block.toString("latin1", 32, 64).replace(/\0+$/, ""),
    blockSizes: [block.readUInt32LE(64), block.readUInt32LE(68)].join(),
    dataBlocks: Number(block.readBigUInt64LE(72)),
    salt: block.toString("hex", 88, 88 + Math.min(256, saltBytes)),
    // Nothing reads it, and what is written is to be what was published, to the last byte.
    rest: block.subarray(82, 88).some(isSet) || block.subarray(88 + saltBytes).some(isSet) ? "not empty" : "empty",
  };
  const expected = {
    signature: "verity\0\0",
    version: 1,
    hashType: 1,
    uuid: promised.hashUuid.replaceAll("-", ""),
    algorithm: "sha256",
    blockSizes: [blockBytes, blockBytes].join(),
    dataBlocks: promised.dataBlocks,
    salt: promised.salt,
    rest: "empty",
  };
  for (const [name, value] of Object.entries(expected)) {
    const field = actual[name as keyof typeof actual];
    if (field !== value) throw refuse(hash, `its superblock says ${name} ${field}, the signed image ${value}`);
  }
}

const isSet = (byte: number): boolean => byte !== 0;

function digestIn(tree: Buffer, firstBlock: number, index: number): Buffer {
  const at = firstBlock * blockBytes + index * digestBytes;
  return tree.subarray(at, at + digestBytes);
}

function refuse(device: Readable, reason: string): Failure<"image-not-verified"> {
  return new Failure("image-not-verified", `cannot use what was written to ${device.path}: ${reason}`);
}
