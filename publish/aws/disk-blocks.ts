/** A disk image as the EBS direct APIs take it: blocks of 512 KiB, of which those that are all zeros are left out. */
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { assert } from "../../lib/failure.ts";

export const blockBytes = 512 * 1024;

export type DiskBlock = { index: number; /** Of the block's bytes. */ sha256: Buffer };

export type DiskBlocks = {
  path: string;
  bytes: number;
  /** Those that hold something, by index. */
  blocks: readonly DiskBlock[];
};

/** Reads the whole image once. */
export async function blocksOf(path: string, signal: AbortSignal): Promise<DiskBlocks> {
  await using file = await open(path);
  const { size } = await file.stat();
  const blocks: DiskBlock[] = [];
  for (let index = 0; index * blockBytes < size; index++) {
    signal.throwIfAborted();
    const data = await readAt(file, index);
    if (!isZero(data)) blocks.push({ index, sha256: createHash("sha256").update(data).digest() });
  }
  return { path, bytes: size, blocks };
}

/** Opens it to read single blocks. The last one is filled up with zeros. */
export async function openBlocks({
  path,
}: DiskBlocks): Promise<AsyncDisposable & { read(index: number): Promise<Buffer> }> {
  const file = await open(path);
  return {
    read: async (index) => await readAt(file, index),
    [Symbol.asyncDispose]: async () => await file.close(),
  };
}

/**
 * "LINEAR" in the words of CompleteSnapshot: the hash of the blocks' hashes, in the order of their indexes. Base64.
 */
export function linearChecksum({ blocks }: DiskBlocks): string {
  const hash = createHash("sha256");
  for (const { sha256 } of blocks) hash.update(sha256);
  return hash.digest("base64");
}

/** In GiB, the unit of volumes. */
export function volumeGib({ bytes }: DiskBlocks): number {
  return Math.ceil(bytes / 2 ** 30);
}

async function readAt(file: Awaited<ReturnType<typeof open>>, index: number): Promise<Buffer> {
  const data = Buffer.alloc(blockBytes);
  const { bytesRead } = await file.read(data, 0, blockBytes, index * blockBytes);
  assert(bytesRead > 0, "blocks begin within the file");
  return data;
}

const zeros = Buffer.alloc(blockBytes);
const isZero = (data: Buffer): boolean => data.equals(zeros);
