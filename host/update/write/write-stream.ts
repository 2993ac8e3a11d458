/** Writes what comes to a partition, but for its first block, which is written last. */
import { afterFailure, Failure } from "../../../lib/failure.ts";
import type { BlockDevice } from "../../machine/block-device.ts";

export const firstBlockBytes = 4096;

/** A write has `pieceBytes` at most, and is brought to the medium every `syncBytes`, which bounds dirty memory. */
export type WriteSize = { pieceBytes: number; syncBytes: number };
export const writeSize: WriteSize = { pieceBytes: 4 * 1024 * 1024, syncBytes: 16 * 1024 * 1024 };

/**
 * What comes, from `start` on, but for the first block. While one chunk is written, the next one comes.
 *
 * @returns the first block, which is not written yet, when `start` is 0
 */
export async function writeStream(
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
export async function firstBlockOf(device: BlockDevice, chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
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
