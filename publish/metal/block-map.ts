/**
 * A block map: which blocks of an image are copied, with a hash for each run of them; a copy leaves the rest of a disk as it
 * is. Source: the format 2.0 of bmap-tools, as its `BmapCreate.py` describes it.
 *
 * A disk may have been in use, and then the rest is no zeros. What a file system or dm-verity reads is therefore copied also
 * where it is zeros (`needed`): a free cluster of FAT, a block of the root of which the hash tree knows that it is empty.
 */
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";

const blockBytes = 4096;
/** Runs are cut here, so that a reader that goes wrong learns it soon. */
const runBlocksMost = 4096;

/** In bytes; `end` is the first one behind it. */
export type ByteRange = { start: number; end: number };

type Run = { first: number; last: number; sha256: string };

/** The map of a raw image, as XML: blocks that hold something, and those that are needed. */
export async function blockMapOf(path: string, needed: readonly ByteRange[], signal: AbortSignal): Promise<string> {
  const isNeeded = (from: number): boolean => needed.some(({ start, end }) => start < from + blockBytes && from < end);
  await using file = await open(path);
  const { size } = await file.stat();
  const runs: Run[] = [];
  let current: { first: number; last: number; hash: ReturnType<typeof createHash> } | undefined;
  const close = (): void => {
    if (current !== undefined)
      runs.push({ first: current.first, last: current.last, sha256: current.hash.digest("hex") });
    current = undefined;
  };
  const chunk = Buffer.alloc(1024 * blockBytes);
  for (let at = 0; at < size; at += chunk.length) {
    signal.throwIfAborted();
    const { bytesRead } = await file.read(chunk, 0, chunk.length, at);
    for (let from = 0; from < bytesRead; from += blockBytes) {
      const block = chunk.subarray(from, Math.min(from + blockBytes, bytesRead));
      const number = (at + from) / blockBytes;
      const skipped = isZero(block) && !isNeeded(at + from);
      if (skipped || (current !== undefined && number - current.first === runBlocksMost)) close();
      if (skipped) continue;
      current ??= { first: number, last: number, hash: createHash("sha256") };
      current.last = number;
      current.hash.update(block);
    }
  }
  close();
  return describe(size, runs);
}

const zeros = Buffer.alloc(blockBytes);
const isZero = (block: Buffer): boolean => block.equals(zeros.subarray(0, block.length));

/** The map vouches for itself: its hash is made with zeros in the place of the hash. */
function describe(size: number, runs: readonly Run[]): string {
  const placeholder = "0".repeat(64);
  const text = render(size, runs, placeholder);
  return text.replace(placeholder, createHash("sha256").update(text).digest("hex"));
}

function render(size: number, runs: readonly Run[], ownSha256: string): string {
  const mapped = runs.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  const lines = runs.map(({ first, last, sha256 }) => {
    const range = first === last ? String(first) : `${first}-${last}`;
    return `        <Range chksum="${sha256}">${range}</Range>`;
  });
  return `<?xml version="1.0" ?>
<bmap version="2.0">
    <ImageSize>${size}</ImageSize>
    <BlockSize>${blockBytes}</BlockSize>
    <BlocksCount>${Math.ceil(size / blockBytes)}</BlocksCount>
    <MappedBlocksCount>${mapped}</MappedBlocksCount>
    <ChecksumType>sha256</ChecksumType>
    <BmapFileChecksum>${ownSha256}</BmapFileChecksum>
    <BlockMap>
${lines.join("\n")}
    </BlockMap>
</bmap>
`;
}
