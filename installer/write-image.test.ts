/** Protects: a disk starts only with the image that was signed, and whatever goes wrong before leaves it without a table. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packed } from "../lib/zstd/seekable-zstd.ts";
import { headBytes, type InstallTarget, writeHead, writeImage } from "./write-image.ts";

const pieceBytes = 4 * 2 ** 20;
/** A head, zeros, content in the middle of a piece, and an end that is none of a piece. */
const image = Buffer.alloc(9 * 2 ** 20 + 4096);
randomBytes(2 ** 20).copy(image, 0);
randomBytes(70_000).copy(image, 5 * 2 ** 20 + 17);
randomBytes(4096).copy(image, image.length - 4096);
const sha256 = createHash("sha256").update(image).digest("hex");
const diskBytes = 12 * 2 ** 20;

let directory: string;
beforeAll(async () => void (directory = await mkdtemp(join(tmpdir(), "installer-"))));
afterAll(async () => await rm(directory, { recursive: true }));

/** A disk that was in use: no byte of it is zero. */
async function usedDisk(): Promise<InstallTarget> {
  const path = join(directory, "disk");
  await writeFile(path, Buffer.alloc(diskBytes, 0xa5));
  const zero = async (offset: number, bytes: number): Promise<void> => {
    await using file = await open(path, "r+");
    await file.write(Buffer.alloc(bytes), 0, bytes, offset);
  };
  return { path, bytes: diskBytes, zero };
}

async function* frames(content: Buffer): AsyncGenerator<Uint8Array> {
  const pieces = async function* (): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < content.length; at += pieceBytes) yield Buffer.from(content.subarray(at, at + pieceBytes));
  };
  yield* packed(pieces());
}

test("the disk is the image, what lay there before is gone, and its first bytes come last", async () => {
  const target = await usedDisk();
  const progress: number[] = [];
  const head = await writeImage(target, frames(image), { bytes: image.length, sha256 }, (bytes) =>
    progress.push(bytes),
  );
  const before = await readFile(target.path);
  expect(before.subarray(0, headBytes).every((byte) => byte === 0)).toBe(true);
  await writeHead(target.path, head);
  const disk = await readFile(target.path);
  expect(disk.length).toBe(diskBytes);
  expect(disk.subarray(0, image.length).equals(image)).toBe(true);
  expect(disk.subarray(-headBytes).every((byte) => byte === 0)).toBe(true);
  expect(progress.at(-1)).toBe(image.length);
});

test("another image, one that ends early and one that goes on are refused, and the disk has no table", async () => {
  const wrong = Buffer.from(image);
  wrong[6 * 2 ** 20] = (wrong[6 * 2 ** 20] ?? 0) ^ 1;
  for (const [content, message] of [
    [wrong, "what was written has the SHA-256"],
    [image.subarray(0, pieceBytes), `it ends after ${pieceBytes} of ${image.length} bytes`],
    [Buffer.concat([image, Buffer.alloc(4096)]), `it is longer than ${image.length} bytes`],
  ] as const) {
    const target = await usedDisk();
    const writing = writeImage(target, frames(content), { bytes: image.length, sha256 }, () => undefined);
    expect(await writing.catch((error: unknown) => String(error))).toContain(message);
    expect((await readFile(target.path)).subarray(0, headBytes).every((byte) => byte === 0)).toBe(true);
  }
});

test("what is no archive is refused", async () => {
  const target = await usedDisk();
  const page = async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.from("<html>not found</html>");
  };
  const writing = writeImage(target, page(), { bytes: image.length, sha256 }, () => undefined);
  expect(await writing.catch((error: unknown) => String(error))).toContain("no zstd archive");
});
