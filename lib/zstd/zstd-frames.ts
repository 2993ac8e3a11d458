/**
 * A zstd archive frame by frame as it comes, each unpacked in one call.
 *
 * An update by a stream takes a third more processor time than by one call for each 4 MiB, and a frame says how large it
 * is before it is unpacked, which bounds memory. Source: RFC 8878, section 3.1.
 */
import { Failure } from "../failure.ts";

/** The most that a frame may hold, packed or not. Those of our images hold 4 MiB. */
export const largestFrameBytes = 8 * 1024 * 1024;

const magic = 0xfd2fb528;
const skippableMagic = 0x184d2a5;
const blockHeaderBytes = 3;
const checksumBytes = 4;

/**
 * The content of each frame, in order; the next one is unpacked while one is in use. What is given out is gone when the
 * one after the next is asked for, and a chunk when the next is asked for.
 *
 * @throws {Failure<"bad-archive">} for what is no zstd, ends within a frame, or has a frame that is damaged, too large or
 * does not say its size
 */
export async function* unpackedFrames(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let ahead: Promise<Buffer> | undefined;
  let lent: Promise<Buffer> | undefined;
  for await (const { kind, bytes } of packedFrames(chunks)) {
    if (kind === "skippable") continue;
    const next = unpack(bytes);
    next.catch(() => undefined); // it rejects again when its turn comes
    if (ahead !== undefined) yield await ahead;
    if (lent !== undefined) release(await lent);
    [lent, ahead] = [ahead, next];
  }
  if (ahead !== undefined) yield await ahead;
}

async function unpack(frame: Buffer): Promise<Buffer> {
  try {
    return await Bun.zstdDecompress(frame);
  } catch (cause) {
    throw new Failure("bad-archive", "a frame is damaged", { cause });
  }
}

/** Gives memory back at once. It lies outside the heap, so that it would be collected late, or at a high price. */
export function release({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}

/** A frame as it is in the archive, its header included. */
export type PackedFrame =
  | { kind: "content"; bytes: Buffer; contentBytes: number }
  | { kind: "skippable"; bytes: Buffer };

/**
 * The frames of an archive. One with content is good until the one after the next is asked for: there are two buffers.
 * One that is skippable is good until the next is asked for.
 *
 * @throws {Failure<"bad-archive">} for what is no zstd, ends within a frame, or has a frame that is too large or does not
 * say its size
 */
export async function* packedFrames(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<PackedFrame> {
  let [room, spare] = [Buffer.allocUnsafe(largestFrameBytes), Buffer.allocUnsafe(largestFrameBytes)];
  let size = 0;
  let extent: Extent = extentOf(room.subarray(0, 0));
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length;) {
      const part = chunk.subarray(at, at + extent.bytes - size);
      room.set(part, size);
      at += part.length;
      size += part.length;
      if (size === extent.bytes && extent.frame === undefined) extent = extentOf(room.subarray(0, size), extent.blocks);
      if (extent.bytes > largestFrameBytes) throw tooLarge(extent.bytes);
      if (size < extent.bytes) continue;
      const bytes = room.subarray(0, size);
      if (extent.frame === "skippable") yield { kind: extent.frame, bytes };
      if (extent.frame === "content") {
        yield { kind: extent.frame, bytes, contentBytes: extent.contentBytes };
        [room, spare] = [spare, room];
      }
      size = 0;
      extent = extentOf(room.subarray(0, 0));
    }
    release(chunk);
  }
  if (size > 0) throw new Failure("bad-archive", "it ends within a frame");
}

/** Where the next block of a frame begins, what it holds, and what stands behind its last block. */
type Blocks = { at: number; contentBytes: number; endBytes: number };

/** How long a frame is, or, while that is not known, how many bytes it takes to know more. */
type Extent = { bytes: number } & (
  | { frame: "content"; contentBytes: number }
  | { frame: "skippable" }
  | { frame: undefined; blocks?: Blocks }
);

/** @param blocks as the one before said it: a frame may consist of millions, and each is looked at once */
function extentOf(start: Buffer, blocks?: Blocks): Extent {
  if (blocks !== undefined) return extentOfBlocks(start, blocks);
  const needs = (bytes: number): Extent => ({ bytes, frame: undefined });
  if (start.length < 4) return needs(4);
  const word = start.readUInt32LE(0);
  if (word >>> 4 === skippableMagic) {
    return start.length < 8 ? needs(8) : { bytes: 8 + start.readUInt32LE(4), frame: "skippable" };
  }
  if (word !== magic) throw new Failure("bad-archive", "it is no zstd archive");
  if (start.length < 5) return needs(5);
  const descriptor = start.readUInt8(4);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const sizeFlag = descriptor >>> 6;
  const sizeBytes = sizeFlag > 0 ? 2 ** sizeFlag : isSingleSegment ? 1 : 0;
  const sizeAt = 5 + (isSingleSegment ? 0 : 1) + ([0, 1, 2, 4][descriptor & 3] ?? 0);
  const at = sizeAt + sizeBytes;
  if (start.length < at) return needs(at);
  if (sizeBytes === 0) throw new Failure("bad-archive", "a frame does not say how much it holds");
  const contentBytes =
    sizeBytes === 8
      ? Number(start.readBigUInt64LE(sizeAt))
      : start.readUIntLE(sizeAt, sizeBytes) + (sizeBytes === 2 ? 256 : 0);
  if (contentBytes > largestFrameBytes) throw tooLarge(contentBytes);
  return extentOfBlocks(start, { at, contentBytes, endBytes: (descriptor & 4) === 0 ? 0 : checksumBytes });
}

function extentOfBlocks(start: Buffer, { at: first, contentBytes, endBytes }: Blocks): Extent {
  let at = first;
  for (let isLast = false; !isLast;) {
    const bytes = at + blockHeaderBytes;
    if (start.length < bytes) return { bytes, frame: undefined, blocks: { at, contentBytes, endBytes } };
    const header = start.readUIntLE(at, blockHeaderBytes);
    const isRunLength = ((header >>> 1) & 3) === 1;
    isLast = (header & 1) === 1;
    at = bytes + (isRunLength ? 1 : header >>> 3);
  }
  return { bytes: at + endBytes, frame: "content", contentBytes };
}

function tooLarge(bytes: number): Failure<"bad-archive"> {
  return new Failure("bad-archive", `a frame has ${bytes} bytes, at most ${largestFrameBytes} are taken`);
}
