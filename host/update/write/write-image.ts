/**
 * Writes an update to the inactive set and proves what is there.
 *
 * Streams all the way: download → hash → decompress → device, with a few megabytes in memory. Nothing here makes the
 * set bootable; until the caller marks it valid, the boot loader has no entry for it.
 *
 * The first block of each partition is emptied first and written last. It carries the UUID by which the initrd finds a
 * partition, so a half-written one is never found.
 *
 * The kernel comes first, then the hash tree, then the root: with the first two, it is known which blocks of the root an
 * earlier try has left (`resume.ts`).
 */
import { createHash } from "node:crypto";
import { dirname } from "node:path";
import { afterFailure, Failure, isFailure, isNotFound } from "../../../lib/failure.ts";
import { removeDurably } from "../../../lib/files/files.ts";
import { unpackedFrames } from "../../../lib/zstd/zstd-frames.ts";
import type { Storage } from "../../machine/storage.ts";
import type { System } from "../../machine/system.ts";
import type { BlockDevice } from "../../machine/block-device.ts";
import type { UpdateMirror } from "../fetch/mirror.ts";
import type { Partition } from "../boot/partitions.ts";
import { resumePoint } from "../fetch/resume.ts";
import { storedBytes, targetStream, type Target } from "../fetch/trusted-repository.ts";
import { promisedBy } from "../boot/unified-image.ts";
import { verifyTree } from "./verity-tree.ts";

const firstBlockBytes = 4096;

/** A write has `pieceBytes` at most, and is brought to the medium every `syncBytes`, which bounds dirty memory. */
export type WriteSize = { pieceBytes: number; syncBytes: number };
export const writeSize: WriteSize = { pieceBytes: 4 * 1024 * 1024, syncBytes: 16 * 1024 * 1024 };
const readBackBytes = 1024 * 1024;
/** Two of them and the one in use have to fit on the ESP. */
const largestUnifiedImageBytes = 64 * 1024 * 1024;

export type WriteJob = {
  mirror: UpdateMirror;
  targets: { boot: Target; root: Target; hash: Target };
  root: Partition;
  hash: Partition;
  /** Path of the unified kernel image on the mounted ESP. */
  kernel: string;
  size: WriteSize;
};

/** What is being done, and how many bytes of how many. */
export type WriteProgress = { step: "download" | "verify"; doneBytes: number; totalBytes: number };

/**
 * @throws {Failure<"target-not-as-signed" | "image-not-verified" | "bad-unified-image" | "too-large">} and as `download`;
 * the inactive set is then useless, as the caller has said before
 */
export async function writeImage(
  system: System,
  job: WriteJob,
  onProgress: (progress: WriteProgress) => void,
  signal: AbortSignal,
): Promise<void> {
  const { targets, mirror } = job;
  const totalBytes = targets.boot.bytes + targets.root.bytes + targets.hash.bytes;
  let doneBytes = 0;
  const noted = async function* (chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const bytes of chunks) {
      doneBytes += bytes.length;
      yield bytes;
      onProgress({ step: "download", doneBytes, totalBytes });
    }
  };
  const fetched = (target: Target): AsyncIterable<Uint8Array> =>
    unpacked(target, noted(targetStream(system, mirror, target, signal)));
  await using _background = await inBackground(system);
  await using root = await system.storage.openDevice(job.root.path, job.root.bytes);
  await using hash = await system.storage.openDevice(job.hash.path, job.hash.bytes);
  const empty = Buffer.alloc(firstBlockBytes);
  for (const device of [root, hash]) {
    await device.write(0, empty);
    await device.sync();
  }
  const { storage } = system;
  if (await isThere(storage, job.kernel, targets.boot)) doneBytes += targets.boot.bytes;
  else await writeKernel(storage, job.kernel, targets.boot, fetched(targets.boot));
  const promised = await promisedBy(async (offset, into) => await storage.readInto(job.kernel, offset, into));
  const hashStart = await writeStream(hash, 0, job.size, fetched(targets.hash));

  const verifyBytes = promised.dataBlocks * firstBlockBytes;
  let verified = 0;
  const onRead = (bytes: number): void => {
    verified += bytes;
    onProgress({ step: "verify", doneBytes: Math.min(verified, verifyBytes), totalBytes: verifyBytes });
  };
  const point = await resumePoint(system, mirror, targets.root, { root, hash, promised }, onRead, signal);
  let rootStart: Buffer;
  if (point === undefined) rootStart = await writeStream(root, 0, job.size, fetched(targets.root));
  else {
    system.log.info(
      `update: going on with ${targets.root.name} at byte ${point.packedOffset} of ${targets.root.bytes}`,
    );
    doneBytes += point.packedOffset;
    const stored = (start: number): AsyncIterable<Uint8Array> =>
      storedBytes(system, mirror, targets.root, start, signal);
    rootStart = await firstBlockOf(root, unpacked(targets.root, stored(0)));
    await writeStream(root, point.offset, job.size, unpacked(targets.root, noted(stored(point.packedOffset))));
  }
  for (const [device, start] of [
    [root, rootStart],
    [hash, hashStart],
  ] as const) {
    await device.write(0, start);
    await device.sync();
    device.forget();
  }
  verified = 0;
  await verifyTree(root, hash, promised, onRead, signal);
}

/** Workloads come first. Where the kernel has no priorities to give, the update goes on without. */
async function inBackground(system: System): Promise<AsyncDisposable | undefined> {
  try {
    return await system.storage.inBackground();
  } catch (error) {
    system.log.error("update: cannot give way to the reads and writes of others", error);
    return undefined;
  }
}

/**
 * What comes, from `start` on, but for the first block. While one chunk is written, the next one comes.
 *
 * @returns the first block, which is not written yet, when `start` is 0
 */
async function writeStream(
  device: BlockDevice,
  start: number,
  { pieceBytes, syncBytes }: WriteSize,
  chunks: AsyncIterable<Uint8Array>,
): Promise<Buffer> {
  const first = Buffer.alloc(firstBlockBytes);
  let unsynced = 0;
  const write = async (offset: number, bytes: Uint8Array): Promise<void> => {
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      const piece = bytes.subarray(at, at + pieceBytes);
      await device.write(offset + at, piece);
      unsynced += piece.length;
      if (unsynced < syncBytes) continue;
      await device.sync();
      unsynced = 0;
    }
  };
  let offset = start;
  let writing: Promise<void> | undefined;
  try {
    for await (const chunk of chunks) {
      await writing;
      const withheld = Math.min(chunk.length, Math.max(0, firstBlockBytes - offset));
      if (withheld > 0) first.set(chunk.subarray(0, withheld), offset);
      writing = write(offset + withheld, chunk.subarray(withheld));
      writing.catch(() => undefined); // its waiter gets the rejection itself
      offset += chunk.length;
    }
  } catch (error) {
    throw await afterFailure(error, async () => await writing);
  }
  await writing;
  await device.sync();
  if (offset < firstBlockBytes) throw tooSmall(device, offset);
  return first;
}

/** Reads no further than it must. */
async function firstBlockOf(device: BlockDevice, chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const first = Buffer.alloc(firstBlockBytes);
  let size = 0;
  for await (const chunk of chunks) {
    first.set(chunk.subarray(0, firstBlockBytes - size), size);
    size += chunk.length;
    if (size >= firstBlockBytes) return first;
  }
  throw tooSmall(device, size);
}

function tooSmall({ path }: BlockDevice, bytes: number): Failure<"too-small"> {
  return new Failure("too-small", `cannot write to ${path}: only ${bytes} bytes came`);
}

/**
 * In place, since nothing boots it. The name is gone for good before a new file gets it, and none is ever moved over
 * another: on FAT, a power loss can leave two names with the same clusters (decision 0032).
 */
async function writeKernel(
  storage: Storage,
  path: string,
  target: Target,
  chunks: AsyncIterable<Uint8Array>,
): Promise<void> {
  await removeDurably(path, storage);
  const written = createHash("sha256");
  let bytes = 0;
  {
    await using file = await storage.create(path, 0o600);
    for await (const chunk of chunks) {
      bytes += chunk.length;
      if (bytes > largestUnifiedImageBytes) {
        throw new Failure(
          "too-large",
          `cannot write ${target.name}: it is larger than ${largestUnifiedImageBytes} bytes`,
        );
      }
      written.update(chunk);
      await file.write(chunk);
    }
  }
  if ((await durableDigest(storage, path, "sha256")) !== written.digest("hex")) {
    throw new Failure("image-not-verified", `cannot use what was written to ${path}: it reads back differently`);
  }
}

/** Has an earlier try left this very file? */
async function isThere(storage: Storage, path: string, { bytes, digest }: Target): Promise<boolean> {
  try {
    if ((await storage.size(path)) !== bytes) return false;
    return (await durableDigest(storage, path, digest.algorithm)) === digest.hex;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

/** Of what is on the medium. */
async function durableDigest(storage: Storage, path: string, algorithm: "sha256" | "sha512"): Promise<string> {
  await storage.sync(path);
  await storage.syncDirectory(dirname(path));
  await storage.forget(path);
  const hash = createHash(algorithm);
  const piece = Buffer.allocUnsafe(readBackBytes);
  let offset = 0;
  for (let bytes = piece.length; bytes === piece.length; offset += bytes) {
    bytes = await storage.readInto(path, offset, piece);
    hash.update(piece.subarray(0, bytes));
  }
  return hash.digest("hex");
}

/** A target's name says whether it is compressed. */
async function* unpacked(target: Target, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  if (!target.name.endsWith(".zst")) {
    yield* chunks;
    return;
  }
  try {
    yield* unpackedFrames(chunks);
  } catch (cause) {
    if (!isFailure(cause, "bad-archive")) throw cause;
    throw new Failure("bad-archive", `cannot unpack ${target.name}`, { cause });
  }
}
