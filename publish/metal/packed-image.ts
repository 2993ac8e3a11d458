/** A disk image as it travels: zstd in frames of their own, which any zstd unpacks, and an installer one by one. */
import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { frameBytes, packed } from "../../lib/zstd/seekable-zstd.ts";

export async function packImage(image: string, output: string, signal: AbortSignal): Promise<void> {
  await pipeline(Readable.from(packed(piecesOf(image))), createWriteStream(output), { signal });
}

async function* piecesOf(image: string): AsyncGenerator<Uint8Array> {
  const content = Bun.file(image);
  for (let at = 0; at < content.size; at += frameBytes) yield await content.slice(at, at + frameBytes).bytes();
}
