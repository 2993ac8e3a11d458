/** Protects: a patch makes the newer file out of the older one, whatever moved, and one that is damaged does no harm. */
import { expect, test } from "bun:test";
import { randomFillSync } from "node:crypto";
import fc from "fast-check";
import { largestDictionaryBytes, packedRanges, patchedFrames, type PatchSource } from "../../lib/zstd/patch-frames.ts";
import { framesIn, frameAt, seekTable } from "../../lib/zstd/seekable-zstd.ts";
import { isFailure } from "../../lib/failure.ts";
import { patchOf, rangesFor } from "./make-patch.ts";
import { SourceIndex } from "./source-index.ts";

const frameBytes = 16 * 1024;

async function patch(source: Uint8Array, content: Uint8Array, bytes = frameBytes): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(patchOf(new SourceIndex(source), content, bytes)));
}

function sourceOf(bytes: Uint8Array): PatchSource {
  return {
    bytes: bytes.length,
    async read(offset, into) {
      into.set(bytes.subarray(offset, offset + into.length));
    },
  };
}

async function* inChunks(archive: Uint8Array, bytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < archive.length; at += bytes) yield new Uint8Array(archive.subarray(at, at + bytes));
}

async function applied(archive: Uint8Array, source: Uint8Array, chunkBytes = 1000): Promise<Buffer> {
  const copies: Buffer[] = [];
  for await (const content of patchedFrames(inChunks(archive, chunkBytes), sourceOf(source))) {
    copies.push(Buffer.from(content));
  }
  return Buffer.concat(copies);
}

/** What happens to files between versions: parts change, move, come, go and come twice. */
const changes = fc.array(
  fc.record({
    kind: fc.constantFrom("change", "insert", "remove", "move", "copy"),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    to: fc.double({ min: 0, max: 1, noNaN: true }),
    bytes: fc.integer({ min: 1, max: 5000 }),
  }),
  { maxLength: 8 },
);

function changed(source: Buffer, list: typeof changes extends fc.Arbitrary<infer T> ? T : never): Buffer {
  let content = source;
  for (const { kind, at: share, to, bytes } of list) {
    const at = Math.floor(share * content.length);
    const part = content.subarray(at, at + bytes);
    const without = Buffer.concat([content.subarray(0, at), content.subarray(at + bytes)]);
    const put = (base: Buffer, where: number, what: Buffer): Buffer =>
      Buffer.concat([base.subarray(0, where), what, base.subarray(where)]);
    const target = Math.floor(to * without.length);
    const fresh = randomFillSync(Buffer.alloc(bytes));
    if (kind === "change") content = put(without, at, fresh.subarray(0, part.length));
    if (kind === "insert") content = put(content, at, fresh);
    if (kind === "remove") content = without;
    if (kind === "move") content = put(without, target, part);
    if (kind === "copy") content = put(content, Math.floor(to * content.length), part);
  }
  return content;
}

test("what a patch makes is the newer file, whatever happened to the older one", async () => {
  const source = randomFillSync(Buffer.alloc(100_000));
  await fc.assert(
    fc.asyncProperty(changes, fc.integer({ min: 100, max: 9000 }), async (list, chunkBytes) => {
      const content = changed(source, list);
      expect((await applied(await patch(source, content), source, chunkBytes)).equals(content)).toBe(true);
    }),
    { numRuns: 40 },
  );
});

test("files that share nothing, or of which one is empty or filled with one byte, are no exception", async () => {
  const random = randomFillSync(Buffer.alloc(50_000));
  const files = [Buffer.alloc(0), Buffer.alloc(70_000), Buffer.alloc(10, 7), random, Buffer.from("short")];
  for (const source of files) {
    for (const content of files) {
      expect((await applied(await patch(source, content), source)).equals(content)).toBe(true);
    }
  }
});

test("what moved, and what changed here and there, costs next to nothing", async () => {
  const source = randomFillSync(Buffer.alloc(1_000_000));
  const content = Buffer.concat([
    source.subarray(400_123),
    randomFillSync(Buffer.alloc(1000)),
    source.subarray(0, 400_123),
  ]);
  for (let at = 5_000; at < content.length; at += 50_000) content[at] = (content[at] ?? 0) ^ 1;
  const made = await patch(source, content, 128 * 1024);
  expect(made.length).toBeLessThan(4000);
  expect((await applied(made, source)).equals(content)).toBe(true);
});

test("a dictionary that begins like one with tables of its own is taken for what it is", async () => {
  const source = Buffer.concat([Buffer.from([0x37, 0xa4, 0x30, 0xec]), randomFillSync(Buffer.alloc(5000))]);
  const made = await patch(source, source);
  expect(made.length).toBeLessThan(200);
  expect((await applied(made, source)).equals(source)).toBe(true);
});

test("every frame is unpacked alone, from where the table says it begins", async () => {
  const source = randomFillSync(Buffer.alloc(100_000));
  const content = changed(source, [{ kind: "insert", at: 0.3, to: 0, bytes: 3000 }]);
  const made = await patch(source, content);
  const frames = framesIn(made, made.length) ?? [];
  expect(frames.map(({ bytes }) => bytes)).toEqual([...Array<number>(6).fill(frameBytes), 103_000 - 6 * frameBytes]);
  for (const wanted of [0, 1, frameBytes, 50_000, 102_999]) {
    const { packedOffset, offset } = frameAt(frames, wanted);
    expect((await applied(made.subarray(packedOffset), source)).equals(content.subarray(offset))).toBe(true);
  }
});

test("a patch with any byte changed is refused, or makes other bytes of the same bounds, and nothing else", async () => {
  const source = randomFillSync(Buffer.alloc(40_000));
  const made = await patch(source, changed(source, [{ kind: "change", at: 0.2, to: 0, bytes: 2000 }]));
  const check = async (damaged: Uint8Array): Promise<void> => {
    const outcome = await applied(damaged, source).catch((error: unknown) => error);
    if (outcome instanceof Buffer) expect(outcome.length).toBeLessThanOrEqual(8 * 1024 * 1024 * 3);
    else expect(isFailure(outcome, "bad-archive")).toBe(true);
  };
  // Each byte of lists, headers and table, and some of what is compressed.
  for (let at = 0; at < made.length; at += at % 700 < 200 ? 1 : 13) {
    const damaged = Buffer.from(made);
    damaged[at] = (damaged[at] ?? 0) ^ (1 + (at % 255));
    await check(damaged);
  }
  for (let length = 0; length < made.length; length += 29) await check(made.subarray(0, length));
});

test("a list that leaves the source, or asks for too much of it, is refused before anything is read", async () => {
  const source = sourceOf(Buffer.alloc(0));
  const asked: number[] = [];
  const reading: PatchSource = { bytes: 64 * 1024 * 1024, read: async (offset) => void asked.push(offset) };
  const tail = Buffer.concat([Bun.zstdCompressSync(Buffer.from("a")), seekTable([])]);
  const made = (ranges: { offset: number; bytes: number }[]): AsyncGenerator<Uint8Array> =>
    inChunks(Buffer.concat([packedRanges(ranges), tail]), 1000);
  const refused: [{ offset: number; bytes: number }[], PatchSource][] = [
    [[{ offset: 0, bytes: 1 }], source],
    [[{ offset: 64 * 1024 * 1024, bytes: 1 }], reading],
    [[{ offset: 2 ** 52, bytes: 1 }], reading],
    [Array.from({ length: 3 }, () => ({ offset: 0, bytes: largestDictionaryBytes / 2 })), reading],
    [Array.from({ length: 2000 }, () => ({ offset: 0, bytes: 1 })), reading],
  ];
  for (const [ranges, from] of refused) {
    await expect(Array.fromAsync(patchedFrames(made(ranges), from))).rejects.toMatchObject({ code: "bad-archive" });
  }
  expect(asked).toEqual([]);
});

test("what is chosen of a source fits into a dictionary, and what is shared comes first", () => {
  const mebibyte = 1024 * 1024;
  const frame = { start: 0, end: 4 * mebibyte };
  const matches = Array.from({ length: 2000 }, (_, index) => ({
    at: index * 2000,
    offset: index * 40_000,
    bytes: 1500,
  }));
  const ranges = rangesFor(matches, frame, 200 * mebibyte);
  expect(ranges.length).toBeLessThanOrEqual(1024);
  expect(ranges.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(largestDictionaryBytes);
  expect(rangesFor([{ at: 1000, offset: 500_000, bytes: 100 }], { start: 0, end: 1100 }, mebibyte)).toEqual([
    { offset: 500_000 - 1000 - 64 * 1024, bytes: 1100 + 64 * 1024 },
  ]);
});
