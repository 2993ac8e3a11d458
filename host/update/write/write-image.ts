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
import { afterFailure } from "../../../lib/failure.ts";
import type { BlockDevice } from "../../machine/block-device.ts";
import type { System } from "../../machine/system.ts";
import type { Partition } from "../boot/partitions.ts";
import type { RunningParts } from "../boot/running-set.ts";
import { promisedBy, type Promised } from "../boot/unified-image.ts";
import type { UpdateMirror } from "../fetch/mirror.ts";
import { resumePoint } from "../fetch/resume.ts";
import type { Way, Ways } from "../fetch/ways.ts";
import { PartDownloads, type Fetched } from "./part-download.ts";
import { checkSuperblock, readHashTree, verifyTree, type HashTree } from "./verity-tree.ts";
import { refuseOtherSigner } from "../../sealing/same-signer.ts";
import { isThere, writeKernel } from "./write-kernel.ts";
import { firstBlockBytes, firstBlockOf, writeStream, type WriteSize } from "./write-stream.ts";

export type WriteJob = {
  mirror: UpdateMirror;
  ways: Ways;
  /** What patches are made from. */
  running: RunningParts | undefined;
  root: Partition;
  hash: Partition;
  /** Path of the unified kernel image on the mounted ESP. */
  kernel: string;
  size: WriteSize;
};

/** What is being done, and how many bytes of how many. */
export type WriteProgress = { step: "download" | "verify"; doneBytes: number; totalBytes: number };

/** The inactive set while it is written. */
type OpenSet = { root: BlockDevice; hash: BlockDevice; kernel: string; size: WriteSize };

/**
 * @returns what was fetched for it
 * @throws {Failure<"target-not-as-signed" | "image-not-verified" | "bad-program" | "too-large">} and as `download`;
 * the inactive set is then useless, as the caller has said before
 */
export async function writeImage(
  system: System,
  job: WriteJob,
  onProgress: (progress: WriteProgress) => void,
  signal: AbortSignal,
): Promise<Fetched> {
  const { ways, kernel, size } = job;
  const onFetched = (doneBytes: number, totalBytes: number): void =>
    onProgress({ step: "download", doneBytes, totalBytes });
  const downloads = new PartDownloads(system, job, onFetched, signal);
  await using _background = await inBackground(system);
  await using root = await system.storage.openDevice(job.root.path, job.root.bytes);
  await using hash = await system.storage.openDevice(job.hash.path, job.hash.bytes);
  const set = { root, hash, kernel, size };
  await emptyStarts(set);
  await bringKernel(system, ways, downloads, kernel);
  const read = async (offset: number, into: Buffer): Promise<number> =>
    await system.storage.readInto(kernel, offset, into);
  const promised = await promisedBy(read);
  await refuseOtherSigner(system, read);
  const { hashStart, tree } = await downloads.byAnyWay("hash", ways, async (way) => {
    const start = await writeStream(hash, 0, size, downloads.content("hash", way));
    checkSuperblock(hash, start, promised);
    return { hashStart: start, tree: await readHashTree(hash, promised) };
  });
  await downloads.byAnyWay("root", ways, async (way) => {
    const verifying = new Verifying(promised, onProgress);
    const rootStart = await bringRoot(system, way, downloads, { set, promised, tree, verifying, signal });
    await writeStarts(set, rootStart, hashStart);
    verifying.again();
    try {
      await verifyTree(root, hash, promised, verifying.onRead, signal);
    } catch (error) {
      throw await afterFailure(error, async () => await emptyStarts(set));
    }
  });
  return downloads.fetched;
}

/** How far the blocks of a root are read. */
class Verifying {
  readonly #totalBytes: number;
  readonly #onProgress: (progress: WriteProgress) => void;
  #doneBytes = 0;

  constructor({ dataBlocks }: Promised, onProgress: (progress: WriteProgress) => void) {
    this.#totalBytes = dataBlocks * firstBlockBytes;
    this.#onProgress = onProgress;
  }

  readonly onRead = (bytes: number): void => {
    this.#doneBytes += bytes;
    const doneBytes = Math.min(this.#doneBytes, this.#totalBytes);
    this.#onProgress({ step: "verify", doneBytes, totalBytes: this.#totalBytes });
  };

  again(): void {
    this.#doneBytes = 0;
  }
}

async function bringKernel(system: System, ways: Ways, downloads: PartDownloads, kernel: string): Promise<void> {
  const { target } = ways.boot.at(-1) ?? ways.boot[0];
  if (await isThere(system.storage, kernel, target)) return downloads.leaveOut(ways.boot[0].target.bytes);
  await downloads.byAnyWay("boot", ways, async (way) => {
    const signed = target.name.endsWith(".zst") ? undefined : target;
    await writeKernel(system.storage, kernel, signed, downloads.content("boot", way));
  });
}

/** All of a root but its first block, in front of which another try may have left some. @returns that block */
async function bringRoot(
  system: System,
  way: Way,
  downloads: PartDownloads,
  work: { set: OpenSet; promised: Promised; tree: HashTree; verifying: Verifying; signal: AbortSignal },
): Promise<Buffer> {
  const { set, promised, tree, verifying, signal } = work;
  const { root, size } = set;
  const { target } = way;
  const stored = (start: number): AsyncIterable<Uint8Array> => downloads.stored(way, start);
  const point = await resumePoint({ target, stored }, { root, promised, tree }, verifying.onRead, signal);
  if (point === undefined) return await writeStream(root, 0, size, downloads.content("root", way));
  system.log.info(`update: going on with ${target.name} at byte ${point.packedOffset} of ${target.bytes}`);
  downloads.leaveOut(point.packedOffset);
  const start = await firstBlockOf(root, downloads.start("root", way));
  await writeStream(root, point.offset, size, downloads.contentFrom("root", way, point.packedOffset));
  return start;
}

/** Without its first block no partition is found by the initrd. */
async function emptyStarts(set: OpenSet): Promise<void> {
  const empty = Buffer.alloc(firstBlockBytes);
  for (const device of [set.root, set.hash]) {
    await device.write(0, empty);
    await device.sync();
  }
}

async function writeStarts(set: OpenSet, rootStart: Buffer, hashStart: Buffer): Promise<void> {
  for (const [device, start] of [
    [set.root, rootStart],
    [set.hash, hashStart],
  ] as const) {
    await device.write(0, start);
    await device.sync();
    device.forget();
  }
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
