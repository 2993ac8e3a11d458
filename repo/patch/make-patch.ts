/**
 * Makes patches (`lib/zstd/patch-frames.ts`): for each frame of the newer file, the parts of the older one that it is
 * like, and what zstd makes of it with these as a dictionary.
 */
import { constants, zstdCompress, type ZstdOptions } from "node:zlib";
import {
  dictionaryStart,
  largestDictionaryBytes,
  mostRanges,
  packedRanges,
  type SourceRange,
} from "../../lib/zstd/patch-frames.ts";
import { frameBytes as usualFrameBytes, seekTable, type Frame } from "../../lib/zstd/seekable-zstd.ts";
import { SourceIndex, type Match } from "./source-index.ts";

/** Frames at work at once, on as many processors. */
const framesAtOnce = 2;
/** Ranges of a list are joined over gaps of up to this: a range costs 12 bytes, and a dictionary has room. */
const joinedBytes = 16 * 1024;
/** What changed between two matches stands, in the source, between theirs: as long as that is no more than this. */
const largestGapBytes = 1024 * 1024;
/** And before the first and behind the last, so much more than what has no match. */
const marginBytes = 64 * 1024;

/** Bytes without a match that are worth the most of zstd: it takes five times as long then. */
const changedBytes = 16 * 1024;
const levels = { changed: 19, same: 9 } as const;
const [leastLog, mostLog] = [10, 24];

/** A patch that makes `content` of what is in the index, in pieces. */
export async function* patchOf(
  index: SourceIndex,
  content: Uint8Array,
  frameBytes = usualFrameBytes,
): AsyncGenerator<Uint8Array> {
  const frames: Frame[] = [];
  const atWork: Promise<{ list: Buffer; frame: Buffer; bytes: number }>[] = [];
  const noted = async function* (count: number): AsyncGenerator<Uint8Array> {
    for (const work of atWork.splice(0, count)) {
      const { list, frame, bytes } = await work;
      frames.push({ packedBytes: list.length + frame.length, bytes });
      yield list;
      yield frame;
    }
  };
  for (let start = 0; start < content.length; start += frameBytes) {
    const end = Math.min(content.length, start + frameBytes);
    atWork.push(packedFrame(index, content, start, end));
    if (atWork.length >= framesAtOnce) yield* noted(1);
  }
  yield* noted(atWork.length);
  yield seekTable(frames);
}

async function packedFrame(
  index: SourceIndex,
  content: Uint8Array,
  start: number,
  end: number,
): Promise<{ list: Buffer; frame: Buffer; bytes: number }> {
  const matches = index.matches(content, start, end);
  const ranges = rangesFor(matches, { start, end }, index.source.length);
  const parts = ranges.map(({ offset, bytes }) => index.source.subarray(offset, offset + bytes));
  const dictionary = Buffer.concat([dictionaryStart, ...parts]);
  const shared = matches.reduce((sum, { bytes }) => sum + bytes, 0);
  const level = end - start - shared > changedBytes ? levels.changed : levels.same;
  const params = parametersFor(level, dictionary.length + end - start);
  const frame = await compressed(Buffer.from(content.subarray(start, end)), { params, dictionary });
  return { list: packedRanges(ranges), frame, bytes: end - start };
}

/** With tables for a dictionary and a frame: those that zstd chooses by itself are for the frame alone. */
function parametersFor(level: number, bytes: number): ZstdOptions["params"] {
  const log = Math.min(mostLog, Math.max(leastLog, Math.ceil(Math.log2(bytes))));
  return {
    [constants.ZSTD_c_compressionLevel]: level,
    [constants.ZSTD_c_windowLog]: log,
    [constants.ZSTD_c_hashLog]: log,
    [constants.ZSTD_c_chainLog]: log,
  };
}

/** What of the source to compress a frame with: all that it shares, and what stands where its own bytes stand. */
export function rangesFor(
  matches: readonly Match[],
  frame: { start: number; end: number },
  sourceBytes: number,
): SourceRange[] {
  const shared = joined(
    matches.map(({ offset, bytes }) => ({ offset, bytes })),
    0,
  );
  const around = likely(matches, frame, sourceBytes).toSorted((a, b) => a.bytes - b.bytes);
  let room = largestDictionaryBytes - shared.reduce((sum, { bytes }) => sum + bytes, 0);
  const chosen = [...shared];
  for (const range of around) {
    if (range.bytes > room) break;
    room -= range.bytes;
    chosen.push(range);
  }
  const ranges = joined(chosen, Math.min(joinedBytes, Math.floor(room / Math.max(1, chosen.length))));
  if (ranges.length <= mostRanges) return ranges;
  const largest = ranges.toSorted((a, b) => b.bytes - a.bytes).slice(0, mostRanges);
  return largest.toSorted((a, b) => a.offset - b.offset);
}

/** Parts of the source beside those that are shared, where the bytes without a match probably come from. */
function likely(
  matches: readonly Match[],
  { start, end }: { start: number; end: number },
  sourceBytes: number,
): SourceRange[] {
  const ranges: SourceRange[] = [];
  const add = (from: number, to: number): void => {
    const [first, last] = [Math.max(0, from), Math.min(sourceBytes, to)];
    if (last > first) ranges.push({ offset: first, bytes: last - first });
  };
  for (const [index, { at, offset, bytes }] of matches.entries()) {
    const before = matches[index - 1];
    const after = matches[index + 1];
    if (before === undefined && at > start) add(offset - (at - start) - marginBytes, offset);
    const endsAt = offset + bytes;
    if (after === undefined && at + bytes < end) add(endsAt, endsAt + (end - at - bytes) + marginBytes);
    if (after !== undefined && after.offset > endsAt && after.offset - endsAt <= largestGapBytes) {
      add(endsAt, after.offset);
    }
  }
  return ranges;
}

/** In the order of the source, without overlaps, and those with no more than `gapBytes` between them as one. */
function joined(ranges: readonly SourceRange[], gapBytes: number): SourceRange[] {
  const result: SourceRange[] = [];
  for (const { offset, bytes } of ranges.toSorted((a, b) => a.offset - b.offset)) {
    const last = result.at(-1);
    if (last === undefined || offset > last.offset + last.bytes + gapBytes) result.push({ offset, bytes });
    else last.bytes = Math.max(last.bytes, offset + bytes - last.offset);
  }
  return result;
}

async function compressed(content: Buffer, options: ZstdOptions): Promise<Buffer> {
  return await new Promise((resolve, reject) => {
    zstdCompress(content, options, (error, frame) => (error === null ? resolve(frame) : reject(error)));
  });
}
