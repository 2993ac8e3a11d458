/**
 * The image that every pod starts from: one static program that waits, so that a node starts pods without a registry.
 *
 * It lies in the root as an archive; containerd takes it in before kubelet starts.
 */
import { copyFile, mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Architecture } from "../../variants/variant.ts";
import { type FetchOptions, fetchPackages } from "../packages/fetch.ts";
import { type Lock, packagesOf } from "../packages/lock.ts";
import type { ToolsRoot } from "../packages/tools-root.ts";
import { unpack } from "../packages/unpack.ts";
import { makeLayer, makeLayout, packDirectory } from "./layout.ts";

/** Makes `pause.tar` in the directory. */
export async function makePauseImage(
  directory: string,
  inputs: FetchOptions & { tools: ToolsRoot; lock: Lock; architecture: Architecture; epochSeconds: number },
): Promise<void> {
  const { tools, lock, architecture, epochSeconds } = inputs;
  const files = await fetchPackages(packagesOf(lock, ["pause"]), inputs);
  const brought = join(directory, "brought");
  const tree = join(directory, "tree");
  const layer = join(directory, "layer");
  const layout = join(directory, "layout");
  await mkdir(brought);
  await mkdir(tree);
  for (const file of files.values()) await unpack(file, brought);
  await rename(join(brought, "usr/bin/catatonit"), join(tree, "pause"));
  await makeLayer(tools, layer, tree, epochSeconds);
  await makeLayout(layout, {
    layers: [{ directory: layer, says: `catatonit of Debian, ${lock.date}` }],
    // -P: wait for a signal, with nothing to start.
    config: { architecture, entrypoint: ["/pause", "-P"] },
    epochSeconds,
  });
  await packDirectory(tools, layout, join(directory, "pause.tar"), epochSeconds);
  for (const made of [brought, tree, layer, layout]) await rm(made, { recursive: true });
}

/** Lays the archive into a root, where kubelet's unit expects it. */
export async function placePauseImage(archive: string, root: string): Promise<void> {
  const target = join(root, "usr/share/orlop/images/pause.tar");
  await mkdir(dirname(target), { recursive: true });
  await copyFile(archive, target);
}
