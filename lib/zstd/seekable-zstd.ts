/**
 * Zstd archives that can be unpacked from the middle on: frames of their own, and a table of them at the end.
 *
 * Any zstd unpacks them, since it passes over the table. Source: zstd's contrib/seekable_format,
 * "zstd_seekable_compression_format.md", version 0.1.0, without checksums.
 */
import { assert } from "../failure.ts";

export type Frame = {
  packedBytes: number;
  /** Of what is in it. */
  bytes: number;
};

/** In images of updates: what is lost by beginning anew so often is below a percent. */
export const frameBytes = 4 * 1024 * 1024;

/** On as many processors. */
const framesAtOnce = 4;

const skippableMagic = 0x184d2a5e;
const seekableMagic = 0x8f92eab1;
const headerBytes = 8;
const entryBytes = 8;
const footerBytes = 9;

/** An archive with one frame for each piece. */
export async function* packed(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const frames: Frame[] = [];
  const noted = (frame: Uint8Array, bytes: number): Uint8Array => {
    frames.push({ packedBytes: frame.length, bytes });
    return frame;
  };
  const atWork: { bytes: number; frame: Promise<Uint8Array> }[] = [];
  for await (const piece of pieces) {
    atWork.push({ bytes: piece.length, frame: Bun.zstdCompress(piece) });
    if (atWork.length < framesAtOnce) continue;
    for (const { bytes, frame } of atWork.splice(0, 1)) yield noted(await frame, bytes);
  }
  for (const { bytes, frame } of atWork) yield noted(await frame, bytes);
  yield seekTable(frames);
}

/** What ends an archive that consists of these frames. */
export function seekTable(frames: readonly Frame[]): Buffer {
  const table = Buffer.alloc(seekTableBytes(frames.length));
  table.writeUInt32LE(skippableMagic, 0);
  table.writeUInt32LE(table.length - headerBytes, 4);
  for (const [index, { packedBytes, bytes }] of frames.entries()) {
    table.writeUInt32LE(packedBytes, headerBytes + index * entryBytes);
    table.writeUInt32LE(bytes, headerBytes + index * entryBytes + 4);
  }
  const footerAt = table.length - footerBytes;
  table.writeUInt32LE(frames.length, footerAt);
  table.writeUInt32LE(seekableMagic, footerAt + 5);
  return table;
}

/** How long the table of so many frames is. */
export function seekTableBytes(frames: number): number {
  return headerBytes + frames * entryBytes + footerBytes;
}

/**
 * The frames of an archive, from its last bytes; undefined when these are not the whole of such a table, or when it does
 * not add up to the archive.
 */
export function framesIn(tail: Buffer, archiveBytes: number): Frame[] | undefined {
  if (tail.length < footerBytes) return undefined;
  const footerAt = tail.length - footerBytes;
  const [count, descriptor] = [tail.readUInt32LE(footerAt), tail.readUInt8(footerAt + 4)];
  const tableAt = tail.length - seekTableBytes(count);
  if (tail.readUInt32LE(footerAt + 5) !== seekableMagic || descriptor !== 0 || tableAt < 0) return undefined;
  if (tail.readUInt32LE(tableAt) !== skippableMagic) return undefined;
  const frames = Array.from({ length: count }, (_, index) => {
    const at = tableAt + headerBytes + index * entryBytes;
    return { packedBytes: tail.readUInt32LE(at), bytes: tail.readUInt32LE(at + 4) };
  });
  const packedBytes = frames.reduce((sum, frame) => sum + frame.packedBytes, 0);
  return packedBytes + seekTableBytes(count) === archiveBytes ? frames : undefined;
}

/** Where to begin to read an archive, to come by the content from `offset` on. */
export function frameAt(frames: readonly Frame[], offset: number): { packedOffset: number; offset: number } {
  assert(offset >= 0, `offset ${offset}`);
  const start = { packedOffset: 0, offset: 0 };
  for (const { packedBytes, bytes } of frames) {
    if (start.offset + bytes > offset) break;
    start.packedOffset += packedBytes;
    start.offset += bytes;
  }
  return start;
}
