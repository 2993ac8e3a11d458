/**
 * What an earlier, interrupted download has left of a root, and where the mirror has the rest.
 *
 * Nothing about it is written down: every block on the partition is held against the signed hash tree, so that neither
 * a daemon that died nor a power loss can leave a wrong record. The mirror's table of frames is not signed alone; one
 * that lies leads to bytes that do not verify.
 */
import { isFailure } from "../../../lib/failure.ts";
import { frameAt, framesIn, seekTableBytes, type Frame } from "../../../lib/zstd/seekable-zstd.ts";
import type { BlockDevice } from "../../machine/block-device.ts";
import type { Promised } from "../boot/unified-image.ts";
import { blockBytes, goodBlocks, type HashTree } from "../write/verity-tree.ts";
import type { Target } from "./trusted-repository.ts";

/** In frames of 4 MiB, a root of 32 GiB. */
const mostFrames = 8192;

/** An archive of frames, as a whole or as a patch, and its bytes on the mirror from a place on. */
export type StoredArchive = { target: Target; stored: (start: number) => AsyncIterable<Uint8Array> };

/** Where to go on in the archive, and which byte of the root that is. */
export type ResumePoint = { packedOffset: number; offset: number };

/**
 * Undefined when there is nothing to go on from, or when what is missing cannot be had alone.
 *
 * @param onRead called after each read
 * @throws as `download`
 */
export async function resumePoint(
  archive: StoredArchive,
  { root, tree, promised }: { root: BlockDevice; tree: HashTree; promised: Promised },
  onRead: (bytes: number) => void,
  signal: AbortSignal,
): Promise<ResumePoint | undefined> {
  // The first block is written last.
  const good = await goodBlocks(root, tree, 1, onRead, signal);
  if (good === 1) return undefined;
  const frames = await framesOf(archive);
  const bytes = frames?.reduce((sum, frame) => sum + frame.bytes, 0);
  if (frames === undefined || bytes !== promised.dataBlocks * blockBytes) return undefined;
  const point = frameAt(frames, good * blockBytes);
  return point.offset === 0 ? undefined : point;
}

async function framesOf({ target, stored }: StoredArchive): Promise<Frame[] | undefined> {
  const start = Math.max(1, target.bytes - seekTableBytes(mostFrames));
  try {
    const tail = await Array.fromAsync(stored(start));
    return framesIn(Buffer.concat(tail), target.bytes);
  } catch (error) {
    if (isFailure(error, "no-ranges")) return undefined;
    throw error;
  }
}
