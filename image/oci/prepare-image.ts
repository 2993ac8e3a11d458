/**
 * The image of the README's bootstrap container, as people make theirs: Debian with parted, mkfs.ext4 and mount, whose
 * shell runs what `settings.bootstrap-containers.<name>.command` says.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readLock } from "../packages/lock.ts";
import { machineArchitecture, openToolsRoot } from "../packages/tools-root.ts";
import { makeLayer, makeLayout } from "./layout.ts";

/** Makes its layout; the directory goes when the caller is done. */
export async function prepareImage(): Promise<AsyncDisposable & { layout: string }> {
  const architecture = machineArchitecture();
  const epochSeconds = Math.floor(Date.parse((await readLock(architecture)).date) / 1000);
  const directory = await mkdtemp(join(tmpdir(), "prepare-image-"));
  const layout = join(directory, "layout");
  const layer = join(directory, "layer");
  const { directory: tree } = await openToolsRoot({ sets: ["prepare"] });
  await makeLayer(await openToolsRoot(), layer, tree, epochSeconds);
  const config = { architecture, entrypoint: ["/usr/bin/bash", "-ec"] };
  await makeLayout(layout, { layers: [{ directory: layer, says: "Debian packages" }], config, epochSeconds });
  return { layout, [Symbol.asyncDispose]: () => rm(directory, { recursive: true }) };
}
