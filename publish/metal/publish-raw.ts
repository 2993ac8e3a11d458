/** A build as a compressed disk image with a block map: what people write to a disk by hand. */
import { rename, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { artefactOf, type FinishedBuild } from "../../image/finished-build.ts";
import { artefact, type Artefact } from "../../image/manifest.ts";
import { openToolsRoot, runTool } from "../../image/packages/tools-root.ts";
import { workDirectory } from "../../lib/files/work-directory.ts";
import { blockMapOf } from "./block-map.ts";

/** What holds most of an image is compressed already: higher levels take many times as long, and save little. */
const level = 6;

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
  const argv = ["zstd", "-q", `-${level}`, "-T0", image, "-o", path(names.image)] as const;
  await runTool(await openToolsRoot({ signal }), argv, { binds: [work.path], readOnlyBinds: [image], signal });
  await writeFile(path(names.map), await blockMapOf(image, signal));
  const files = [await artefact(path(names.image)), await artefact(path(names.map))];
  await writeFile(path(names.sums), sumsOf(files));
  for (const file of Object.values(names)) await rename(path(file), join(output, file));
  return Object.values(names).map((file) => join(output, file));
}

/** "HASH  NAME", a line each. */
export function sumsOf(files: readonly Artefact[]): string {
  return files.map(({ name, sha256 }) => `${sha256}  ${name}\n`).join("");
}
