/** Protects: what was unpacked before a download broke off need not come again, whoever made the archive. */
import { expect, test } from "bun:test";
import { zstdDecompressSync } from "node:zlib";
import { frameAt, framesIn, packed, seekTableBytes } from "./seekable-zstd.ts";

const pieces = [Buffer.alloc(10_000, 1), Buffer.alloc(10_000, 2), Buffer.alloc(123, 3)];
const content = Buffer.concat(pieces);

async function archiveOf(each: readonly Buffer[]): Promise<Buffer> {
  const source = async function* () {
    yield* each;
  };
  return Buffer.concat(await Array.fromAsync(packed(source())));
}

test("any zstd unpacks the whole, and from every frame on what is left", async () => {
  const archive = await archiveOf(pieces);
  expect(zstdDecompressSync(archive).equals(content)).toBe(true);
  const frames = framesIn(archive, archive.length) ?? [];
  expect(frames.map(({ bytes }) => bytes)).toEqual([10_000, 10_000, 123]);
  for (const wanted of [0, 1, 9_999, 10_000, 15_000, 20_000, 20_122]) {
    const { packedOffset, offset } = frameAt(frames, wanted);
    expect(offset).toBeLessThanOrEqual(wanted);
    expect(wanted - offset).toBeLessThan(10_000);
    expect(zstdDecompressSync(archive.subarray(packedOffset)).equals(content.subarray(offset))).toBe(true);
  }
  expect(frameAt(frames, content.length)).toEqual({
    packedOffset: archive.length - seekTableBytes(3),
    offset: content.length,
  });
});

test("the table is found from the end alone, and from no less than all of it", async () => {
  const archive = await archiveOf(pieces);
  const table = seekTableBytes(3);
  expect(framesIn(archive.subarray(-table), archive.length)).toHaveLength(3);
  expect(framesIn(archive.subarray(1 - table), archive.length)).toBeUndefined();
  expect(framesIn(Buffer.alloc(0), 0)).toBeUndefined();
});

test("a table that does not add up, has another form or is none is no table", async () => {
  const archive = await archiveOf(pieces);
  expect(framesIn(archive, archive.length + 1)).toBeUndefined();
  for (let at = archive.length - seekTableBytes(3); at < archive.length; at++) {
    const damaged = Buffer.from(archive);
    damaged[at] = (damaged[at] ?? 0) ^ 0xff;
    const frames = framesIn(damaged, damaged.length);
    // Sizes of content are not covered by the sum, the length of the skippable frame not by the footer.
    if (frames !== undefined) expect(frames).toHaveLength(3);
  }
  expect(framesIn(content, content.length)).toBeUndefined();
});

test("the format is that of zstd's seekable archives", async () => {
  const archive = await archiveOf([Buffer.from("a")]);
  const packedBytes = archive.length - seekTableBytes(1);
  const size = packedBytes.toString(16).padStart(2, "0");
  expect(archive.subarray(packedBytes).toString("hex")).toBe(`5e2a4d1811000000${size}000000010000000100000000b1ea928f`);
});
