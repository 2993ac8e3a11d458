/**
 * Patches: zstd archives whose frames are unpacked with parts of an older file, the source, as their dictionary.
 *
 * In front of a frame stands a skippable one that lists ranges of the source. Their bytes, one after the other behind
 * `dictionaryStart`, are the dictionary of the frame, as raw content. A frame without a list has none. The table of
 * frames at the end is that of `seekable-zstd.ts`, in which a list and its frame are one entry: every frame can be
 * unpacked alone. Source: RFC 8878, sections 3.1.2 and 5.
 */
import { zstdDecompress } from "node:zlib";
import { Failure } from "../failure.ts";
import { packedFrames, release, type PackedFrame } from "./zstd-frames.ts";

export type SourceRange = { offset: number; bytes: number };

/** The older file. `read` fills the buffer with the bytes from `offset` on. */
export type PatchSource = { bytes: number; read(offset: number, into: Buffer): Promise<void> };

/** The most that the dictionary of a frame may take of the source. */
export const largestDictionaryBytes = 8 * 1024 * 1024;
export const mostRanges = 1024;

/** Of a list of ranges; the table of frames has another one. */
const listMagic = 0x184d2a5d;
const headerBytes = 8;
const rangeBytes = 12;
/** That `node:zlib` takes. */
const smallestChunkBytes = 64;

type ContentFrame = Extract<PackedFrame, { kind: "content" }>;

/** Never the first bytes of a dictionary that zstd would take for one with tables of its own. */
export const dictionaryStart = Buffer.alloc(8);

export function packedRanges(ranges: readonly SourceRange[]): Buffer {
  const list = Buffer.alloc(headerBytes + ranges.length * rangeBytes);
  list.writeUInt32LE(listMagic, 0);
  list.writeUInt32LE(list.length - headerBytes, 4);
  for (const [index, { offset, bytes }] of ranges.entries()) {
    const at = headerBytes + index * rangeBytes;
    list.writeBigUInt64LE(BigInt(offset), at);
    list.writeUInt32LE(bytes, at + 8);
  }
  return list;
}

/**
 * The content of each frame of a patch, in order, one at a time: a dictionary, a frame and its content are in memory. What
 * is given out is gone when the one after the next is asked for, and a chunk when the next is asked for.
 *
 * @throws {Failure<"bad-archive">} for what is no patch, or one of another source as far as that shows
 */
export async function* patchedFrames(chunks: AsyncIterable<Uint8Array>, source: PatchSource): AsyncGenerator<Buffer> {
  let ranges: SourceRange[] = [];
  let lent: Buffer | undefined;
  for await (const frame of packedFrames(chunks)) {
    if (frame.kind === "skippable") {
      ranges = rangesIn(frame.bytes, source.bytes) ?? ranges;
      continue;
    }
    const content = await unpack(frame, ranges, source);
    ranges = [];
    yield content;
    if (lent !== undefined) release(lent);
    lent = content;
  }
}

/** Undefined for another skippable frame. */
function rangesIn(frame: Buffer, sourceBytes: number): SourceRange[] | undefined {
  if (frame.readUInt32LE(0) !== listMagic) return undefined;
  const count = (frame.length - headerBytes) / rangeBytes;
  if (!Number.isInteger(count) || count > mostRanges) throw bad(`a list of ranges has ${frame.length} bytes`);
  const ranges = Array.from({ length: count }, (_, index) => {
    const at = headerBytes + index * rangeBytes;
    return { offset: Number(frame.readBigUInt64LE(at)), bytes: frame.readUInt32LE(at + 8) };
  });
  for (const { offset, bytes } of ranges) {
    if (offset + bytes > sourceBytes) throw bad(`a range ends at ${offset + bytes} of ${sourceBytes} bytes`);
  }
  const total = ranges.reduce((sum, { bytes }) => sum + bytes, 0);
  if (total > largestDictionaryBytes) throw bad(`a dictionary has ${total} bytes, at most ${largestDictionaryBytes}`);
  return ranges;
}

async function unpack(frame: ContentFrame, ranges: readonly SourceRange[], source: PatchSource): Promise<Buffer> {
  const dictionary = await dictionaryOf(ranges, source);
  try {
    return await unpackWith(frame, dictionary);
  } catch (cause) {
    throw new Failure("bad-archive", "a frame is damaged", { cause });
  } finally {
    release(dictionary);
  }
}

async function dictionaryOf(ranges: readonly SourceRange[], source: PatchSource): Promise<Buffer> {
  const total = ranges.reduce((sum, { bytes }) => sum + bytes, dictionaryStart.length);
  const dictionary = Buffer.from(new ArrayBuffer(total));
  let at = dictionary.write(dictionaryStart.toString("latin1"), 0, "latin1");
  for (const { offset, bytes } of ranges) {
    await source.read(offset, dictionary.subarray(at, at + bytes));
    at += bytes;
  }
  return dictionary;
}

/** In one piece: what zstd puts together of many is there twice. */
async function unpackWith({ bytes, contentBytes }: ContentFrame, dictionary: Buffer): Promise<Buffer> {
  const most = Math.max(smallestChunkBytes, contentBytes);
  const options = { dictionary, chunkSize: most, maxOutputLength: most };
  return await new Promise((resolve, reject) => {
    zstdDecompress(bytes, options, (error, content) => (error === null ? resolve(content) : reject(error)));
  });
}

function bad(reason: string): Failure<"bad-archive"> {
  return new Failure("bad-archive", reason);
}
