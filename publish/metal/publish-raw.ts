/** A build as a compressed disk image with a block map: what people write to a disk by hand. */
import { rename, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { artefactOf, type FinishedBuild } from "../../image/finished-build.ts";
import { artefact, type Artefact } from "../../image/manifest.ts";
import { workDirectory } from "../../lib/files/work-directory.ts";
import { tableEntries } from "../../lib/partition-table.ts";
import { blockMapOf, type ByteRange } from "./block-map.ts";
import { packImage } from "./packed-image.ts";

/** Writes `<name>.img.zst`, `<name>.img.bmap` and a list of their hashes, as sha256sum(1) reads it. */
export async function publishRaw(
  build: FinishedBuild,
  options: { output?: string | undefined; signal: AbortSignal },
): Promise<string[]> {
  const { signal } = options;
  const output = resolve(options.output ?? dirname(build.manifestPath));
  const { name } = build;
  const image = await artefactOf(build, build.manifest.disk);
  await using work = await workDirectory(join(output, ".work"));
  const names = { image: `${name}.img.zst`, map: `${name}.img.bmap`, sums: `${name}.img.sha256` };
  const path = (file: string): string => join(work.path, file);
  await packImage(image, path(names.image), signal);
  await writeFile(path(names.map), await blockMapOf(image, await neededRanges(image, build), signal));
  const files = [await artefact(path(names.image)), await artefact(path(names.map))];
  await writeFile(path(names.sums), sumsOf(files));
  for (const file of Object.values(names)) await rename(path(file), join(output, file));
  return Object.values(names).map((file) => join(output, file));
}

/** Sectors of the disk's table. */
const sectorBytes = 512;
const headBytes = 1024 * 1024;

/**
 * What of an image is read on a host whether it holds something or not: the whole file systems of the ESP and the private
 * partition, and of set A as much as its root and its hash tree have. Nothing reads set B before an update wrote it.
 *
 * @throws {Failure<"no-partition-table">}
 */
async function neededRanges(image: string, { manifest }: FinishedBuild): Promise<ByteRange[]> {
  const entries = tableEntries(Buffer.from(await Bun.file(image).slice(0, headBytes).arrayBuffer()));
  const used = new Map([
    ["ORLOP-ROOT-A", manifest.root.unpackedBytes],
    ["ORLOP-HASH-A", manifest.hash.unpackedBytes],
    ["ORLOP-ROOT-B", 0],
    ["ORLOP-HASH-B", 0],
  ]);
  return entries.map(({ label, first, sectors }) => {
    const start = first * sectorBytes;
    return { start, end: start + (used.get(label) ?? sectors * sectorBytes) };
  });
}

/** "HASH  NAME", a line each. */
export function sumsOf(files: readonly Artefact[]): string {
  return files.map(({ name, sha256 }) => `${sha256}  ${name}\n`).join("");
}
