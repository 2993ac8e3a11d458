/**
 * Writes an update to the inactive set and proves what is there.
 *
 * Streams all the way: download → hash → decompress → device, with a few megabytes in memory. Nothing here makes the
 * set bootable; until the caller marks it valid, the boot loader has no entry for it.
 *
 * The first block of each partition is emptied first and written last. It carries the UUID by which the initrd finds a
 * partition, so a half-written one is never found.
 */
import { createHash } from "node:crypto";
import { dirname } from "node:path";
import { Readable } from "node:stream";
import { createZstdDecompress } from "node:zlib";
import { Failure } from "../../lib/failure.ts";
import { removeIfPresent } from "../../lib/files.ts";
import type { Storage } from "../storage.ts";
import type { System } from "../system.ts";
import type { BlockDevice } from "./block-device.ts";
import type { Mirror } from "./mirror.ts";
import type { Partition } from "./partitions.ts";
import { targetStream, type Target } from "./trusted-repository.ts";
import { promisedBy } from "./unified-image.ts";
import { verifyTree } from "./verity-tree.ts";

const firstBlockBytes = 4096;

/** Writes are gathered to `pieceBytes`, and brought to the medium every `syncBytes`, which bounds dirty memory. */
export type WriteSize = { pieceBytes: number; syncBytes: number };
export const writeSize: WriteSize = { pieceBytes: 1024 * 1024, syncBytes: 16 * 1024 * 1024 };
/** Two of them and the one in use have to fit on the ESP. */
const largestUnifiedImageBytes = 64 * 1024 * 1024;

export type WriteJob = {
  mirror: Mirror;
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
  const fetched = async function* (target: Target): AsyncGenerator<Uint8Array> {
    for await (const bytes of targetStream(system, mirror, target, signal)) {
      yield bytes;
      doneBytes += bytes.length;
      onProgress({ step: "download", doneBytes, totalBytes });
    }
  };
  await using _background = await inBackground(system);
  await using root = await system.storage.openDevice(job.root.path, job.root.bytes);
  await using hash = await system.storage.openDevice(job.hash.path, job.hash.bytes);
  const empty = Buffer.alloc(firstBlockBytes);
  for (const device of [root, hash]) {
    await device.write(0, empty);
    await device.sync();
  }
  const rootStart = await writeStream(root, job.size, unpacked(targets.root, fetched(targets.root)));
  const hashStart = await writeStream(hash, job.size, unpacked(targets.hash, fetched(targets.hash)));
  await writeKernel(system.storage, job.kernel, targets.boot, unpacked(targets.boot, fetched(targets.boot)));
  for (const [device, start] of [
    [root, rootStart],
    [hash, hashStart],
  ] as const) {
    await device.write(0, start);
    await device.sync();
    device.forget();
  }
  const promised = await promisedBy(async (offset, into) => await system.storage.readInto(job.kernel, offset, into));
  const verifyBytes = promised.dataBlocks * firstBlockBytes;
  let verified = 0;
  const onRead = (bytes: number): void => {
    verified += bytes;
    onProgress({ step: "verify", doneBytes: Math.min(verified, verifyBytes), totalBytes: verifyBytes });
  };
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

/** Everything behind the first block. @returns the first block, which is not written yet */
async function writeStream(
  device: BlockDevice,
  { pieceBytes, syncBytes }: WriteSize,
  chunks: AsyncIterable<Uint8Array>,
): Promise<Buffer> {
  let start = Buffer.alloc(0);
  let offset = firstBlockBytes;
  let unsynced = 0;
  for await (const chunk of gathered(chunks, pieceBytes)) {
    let rest = chunk;
    if (start.length < firstBlockBytes) {
      const missing = firstBlockBytes - start.length;
      start = Buffer.concat([start, chunk.subarray(0, missing)]);
      rest = chunk.subarray(missing);
    }
    await device.write(offset, rest);
    offset += rest.length;
    unsynced += rest.length;
    if (unsynced >= syncBytes) {
      await device.sync();
      // What chunks leave lies outside the heap, so that it is collected late: 25 MB more at the peak.
      Bun.gc(true);
      unsynced = 0;
    }
  }
  await device.sync();
  if (start.length < firstBlockBytes) {
    throw new Failure("too-small", `cannot write to ${device.path}: only ${start.length} bytes came`);
  }
  return start;
}

/** Beside the one in use, then in its place. */
async function writeKernel(
  storage: Storage,
  path: string,
  target: Target,
  chunks: AsyncIterable<Uint8Array>,
): Promise<void> {
  const temporary = `${path}.new`;
  await removeIfPresent(temporary, storage);
  const written = createHash("sha256");
  let bytes = 0;
  {
    await using file = await storage.create(temporary, 0o600);
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
    await file.sync();
  }
  await storage.forget(temporary);
  if ((await digestOfFile(storage, temporary)) !== written.digest("hex")) {
    throw new Failure("image-not-verified", `cannot use what was written to ${temporary}: it reads back differently`);
  }
  await storage.rename(temporary, path);
  await storage.syncDirectory(dirname(path));
}

async function digestOfFile(storage: Storage, path: string): Promise<string> {
  const hash = createHash("sha256");
  const piece = Buffer.allocUnsafe(writeSize.pieceBytes);
  let offset = 0;
  for (let bytes = piece.length; bytes === piece.length; offset += bytes) {
    bytes = await storage.readInto(path, offset, piece);
    hash.update(piece.subarray(0, bytes));
  }
  return hash.digest("hex");
}

/** A target's name says whether it is compressed. */
async function* unpacked(target: Target, chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  if (!target.name.endsWith(".zst")) {
    yield* chunks;
    return;
  }
  const source = Readable.from(chunks, { objectMode: false, highWaterMark: writeSize.pieceBytes });
  const decompress = createZstdDecompress();
  let failure: unknown;
  source.on("error", (error) => {
    failure = error;
    decompress.destroy(error);
  });
  source.pipe(decompress);
  try {
    for await (const chunk of decompress) yield chunk;
  } catch (cause) {
    if (failure !== undefined) throw failure;
    throw cause instanceof Failure ? cause : new Failure("bad-archive", `cannot unpack ${target.name}`, { cause });
  } finally {
    source.destroy();
    decompress.destroy();
  }
}

/**
 * The same bytes in pieces of `bytes`, but for the last. All pieces are one buffer: each is gone when the next is asked
 * for, since memory that every piece leaves would be collected late.
 */
async function* gathered(chunks: AsyncIterable<Uint8Array>, bytes: number): AsyncGenerator<Buffer> {
  const piece = Buffer.allocUnsafe(bytes);
  let size = 0;
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length;) {
      const part = chunk.subarray(at, at + bytes - size);
      piece.set(part, size);
      at += part.length;
      size += part.length;
      if (size < bytes) continue;
      yield piece;
      size = 0;
    }
  }
  if (size > 0) yield piece.subarray(0, size);
}
