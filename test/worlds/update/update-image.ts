/**
 * An update's three artefacts, small, and real as far as the updater looks: a root of any bytes, its dm-verity hash
 * tree as veritysetup would write it, and an EFI program whose command line names both.
 */
import { createHash } from "node:crypto";
import { zstdCompressSync } from "node:zlib";
import { seekTable } from "../../../lib/zstd/seekable-zstd.ts";
import type { ReadInto } from "../../../host/update/boot/unified-image.ts";
import type { Artefacts } from "./update-repository.ts";

const blockBytes = 4096;

export type TestImage = {
  root: Buffer;
  hash: Buffer;
  kernel: Buffer;
  rootHash: string;
  /** As they are published: root and hash compressed, the kernel as it is. */
  artefacts: Artefacts;
};

/** Two blocks, so that small images have several frames. */
export const testFrameBytes = 2 * blockBytes;

export const testSalt = "ab".repeat(32);
export const testHashUuid = "00112233-4455-8677-8899-aabbccddeeff";

/** Block `i` is filled with the byte `seed + i`, modulo 251. */
export function testImage(dataBlocks: number, seed = 0): TestImage {
  return imageOf(
    Buffer.concat(Array.from({ length: dataBlocks }, (_, index) => Buffer.alloc(blockBytes, (seed + index) % 251))),
    seed,
  );
}

/** @param seed of the kernel, unless `linux` says what is in it */
export function imageOf(root: Buffer, seed = 0, linux: Buffer = Buffer.alloc(10_000, seed + 1)): TestImage {
  const { hash, rootHash } = hashTree(root);
  const dataBlocks = root.length / blockBytes;
  const commandLine = [
    "console=ttyS0",
    `roothash=${rootHash}`,
    `rootuuid=11112222-3333-8444-8555-666677778888`,
    `hashuuid=${testHashUuid}`,
    `veritysize=${(dataBlocks * blockBytes) / 512}`,
    `veritytable="4096 4096 ${dataBlocks} 1 sha256 ${rootHash} ${testSalt} 1 panic_on_corruption"`,
    "panic=10",
  ].join(" ");
  const kernel = efiProgram({ ".linux": linux, ".cmdline": Buffer.from(`${commandLine}\0`) });
  const artefacts = { root: seekable(root, testFrameBytes), hash: zstdCompressSync(hash), boot: kernel };
  return { root, hash, kernel, rootHash, artefacts };
}

/** As the image build packs a root, in smaller frames. */
export function seekable(content: Buffer, frameBytes: number): Buffer {
  const pieces = Array.from({ length: Math.ceil(content.length / frameBytes) }, (_, index) =>
    content.subarray(index * frameBytes, (index + 1) * frameBytes),
  );
  const frames = pieces.map((piece) => zstdCompressSync(piece));
  const table = frames.map((frame, index) => ({ packedBytes: frame.length, bytes: pieces[index]?.length ?? 0 }));
  return Buffer.concat([...frames, seekTable(table)]);
}

/** An image in memory, read as a file is. */
export function reading(image: Buffer): ReadInto {
  return (offset, into) => Promise.resolve(image.subarray(offset, offset + into.length).copy(into));
}

/** The hash device of `data` and its root hash; cryptsetup's on-disk format, version 1, hash type 1. */
export function hashTree(data: Buffer): { hash: Buffer; rootHash: string } {
  const salt = Buffer.from(testSalt, "hex");
  const digest = (block: Buffer): Buffer => createHash("sha256").update(salt).update(block).digest();
  const blocksOf = (bytes: Buffer): Buffer[] =>
    Array.from({ length: bytes.length / blockBytes }, (_, i) => bytes.subarray(i * blockBytes, (i + 1) * blockBytes));
  const levels: Buffer[] = [];
  let below = data;
  do {
    const digests = Buffer.concat(blocksOf(below).map(digest));
    const level = Buffer.alloc(Math.ceil(digests.length / blockBytes) * blockBytes);
    digests.copy(level);
    levels.unshift(level);
    below = level;
  } while (below.length > blockBytes);
  const superblock = Buffer.alloc(blockBytes);
  superblock.write("verity\0\0", 0, "latin1");
  superblock.writeUInt32LE(1, 8);
  superblock.writeUInt32LE(1, 12);
  superblock.write(testHashUuid.replaceAll("-", ""), 16, "hex");
  superblock.write("sha256", 32, "latin1");
  superblock.writeUInt32LE(blockBytes, 64);
  superblock.writeUInt32LE(blockBytes, 68);
  superblock.writeBigUInt64LE(BigInt(data.length / blockBytes), 72);
  superblock.writeUInt16LE(salt.length, 80);
  salt.copy(superblock, 88);
  return { hash: Buffer.concat([superblock, ...levels]), rootHash: digest(below).toString("hex") };
}

/** Headers and sections as a PE file has them, with nothing that would run. */
export function efiProgram(sections: Readonly<Record<string, Buffer>>): Buffer {
  const names = Object.keys(sections);
  const headerBytes = 64 + 24 + names.length * 40;
  const header = Buffer.alloc(headerBytes);
  header.write("MZ", 0, "latin1");
  header.writeUInt32LE(64, 60);
  header.write("PE\0\0", 64, "latin1");
  header.writeUInt16LE(names.length, 64 + 6);
  const parts: Buffer[] = [header];
  let at = headerBytes;
  for (const [index, [name, content]] of Object.entries(sections).entries()) {
    const entry = 64 + 24 + index * 40;
    header.write(name, entry, "latin1");
    header.writeUInt32LE(content.length, entry + 8);
    header.writeUInt32LE(content.length, entry + 16);
    header.writeUInt32LE(at, entry + 20);
    parts.push(content);
    at += content.length;
  }
  return Buffer.concat(parts);
}
