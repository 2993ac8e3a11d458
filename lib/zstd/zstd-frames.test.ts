/** Protects: an archive from a mirror is unpacked however it is cut into chunks, within bounds, and a bad one is told. */
import { expect, test } from "bun:test";
import { zstdCompressSync, constants, createZstdCompress } from "node:zlib";
import fc from "fast-check";
import { packed } from "./seekable-zstd.ts";
import { largestFrameBytes, unpackedFrames } from "./zstd-frames.ts";

async function* inChunks(archive: Uint8Array, bytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < archive.length; at += bytes) yield new Uint8Array(archive.subarray(at, at + bytes));
}

async function unpackedOf(archive: Uint8Array, chunkBytes = 1000): Promise<Buffer> {
  const copies: Buffer[] = [];
  for await (const content of unpackedFrames(inChunks(archive, chunkBytes))) copies.push(Buffer.from(content));
  return Buffer.concat(copies);
}

async function archiveOf(pieces: readonly Uint8Array[]): Promise<Buffer> {
  const source = async function* () {
    yield* pieces;
  };
  return Buffer.concat(await Array.fromAsync(packed(source())));
}

test("what was packed comes out, in frames of any size and chunks of any length", async () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 2000 }),
    fc.tuple(fc.nat(255), fc.nat(300_000)).map(([byte, length]) => new Uint8Array(length).fill(byte)),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(piece, { minLength: 1, maxLength: 6 }),
      fc.integer({ min: 1, max: 5000 }),
      async (pieces, bytes) => {
        const unpacked = await unpackedOf(await archiveOf(pieces), bytes);
        expect(unpacked.equals(Buffer.concat(pieces))).toBe(true);
      },
    ),
  );
});

test("frames of other programs are taken: with checksums, of many blocks, of random bytes", async () => {
  const content = crypto.getRandomValues(new Uint8Array(60_000));
  const long = Buffer.concat(Array.from({ length: 20 }, () => content));
  for (const params of [{}, { [constants.ZSTD_c_checksumFlag]: 1 }, { [constants.ZSTD_c_compressionLevel]: 19 }]) {
    for (const each of [content, long]) {
      expect((await unpackedOf(zstdCompressSync(each, { params }), 777)).equals(each)).toBe(true);
    }
  }
});

test("a frame that is too large, or does not say its size, is refused before it is unpacked", async () => {
  const bomb = zstdCompressSync(Buffer.alloc(largestFrameBytes + 1));
  await expect(unpackedOf(bomb)).rejects.toThrow(`a frame has ${largestFrameBytes + 1} bytes`);
  const stream = createZstdCompress();
  stream.write("a");
  stream.end("b");
  const unsized = Buffer.concat(await Array.fromAsync<Buffer>(stream));
  await expect(unpackedOf(unsized)).rejects.toThrow("does not say how much it holds");
});

test("what ends early, is damaged or is no archive is told, and never given out as if it were whole", async () => {
  const content = Buffer.from("the same words again, the same words again, the same words again. ".repeat(100));
  const archive = await archiveOf([content]);
  await expect(unpackedOf(Buffer.from("no archive at all"))).rejects.toThrow("no zstd archive");
  for (let length = 1; length < archive.length; length++) {
    const cut = unpackedOf(archive.subarray(0, length)).then((bytes) => bytes.equals(content));
    // The table at the end may be missing as a whole: who reads from the middle needs it, this does not.
    expect([length, await cut.catch((error: unknown) => (error as { code: string }).code)]).toEqual([
      length,
      length === archive.length - 25 ? true : "bad-archive",
    ]);
  }
});

test("bytes that were changed end in a refusal or in other bytes, and in nothing else", async () => {
  const archive = await archiveOf([Buffer.from("one two three ".repeat(50)), Buffer.alloc(5000, 7)]);
  await fc.assert(
    fc.asyncProperty(fc.nat(archive.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
      const changed = Buffer.from(archive);
      changed[at] = (changed[at] ?? 0) ^ change;
      const outcome = await unpackedOf(changed).then(
        () => "unpacked",
        (error: { code?: string }) => error.code,
      );
      expect(["unpacked", "bad-archive"]).toContain(outcome ?? "no failure of ours");
    }),
  );
});

test("a frame of very many blocks takes time that grows with its length, since nobody vouches for it yet", async () => {
  const [blocks, contentBytes] = [300_000, 300_000];
  const header = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 0, 0, 0, 0]);
  header.writeBigUInt64LE(BigInt(contentBytes), 5);
  // Each holds one byte.
  const body = Buffer.alloc(4 * blocks);
  for (let block = 0; block < blocks; block++) body.writeUIntLE(8 | (block === blocks - 1 ? 1 : 0), 4 * block, 3);
  const startMs = performance.now();
  const unpacked = await unpackedOf(Buffer.concat([header, body]), 65_536);
  expect(unpacked).toHaveLength(contentBytes);
  // It takes tenths of a second; where each block is looked at for each that follows it, an hour.
  expect(performance.now() - startMs).toBeLessThan(60_000);
}, 600_000);
