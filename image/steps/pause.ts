/**
 * The image that every pod starts from: one static program that waits, so that a node starts pods without a registry.
 *
 * It lies in the root as an archive; containerd takes it in before kubelet starts.
 */
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { makeLayer, makeLayout, packDirectory } from "../oci/layout.ts";
import { fetchPackages } from "../packages/fetch.ts";
import { packagesOf } from "../packages/lock.ts";
import { unpack } from "../packages/unpack.ts";
import type { ImagePlan } from "../plan.ts";
import { step } from "../step.ts";

/** Makes `pause.tar` in the directory. */
export const makePauseImage = step({
  name: ({ architecture }) => `pause-${architecture}`,
  label: () => "pause image",
  module: import.meta.path,
  inputs: ({
    tools,
    lock,
    architecture,
    epochSeconds,
  }: Pick<ImagePlan, "tools" | "lock" | "architecture" | "epochSeconds">) => ({
    tools,
    packages: packagesOf(lock, ["pause"]),
    architecture,
    date: lock.date,
    epochSeconds,
  }),
  async make(directory, { tools, packages, architecture, date, epochSeconds }, fetch) {
    const files = await fetchPackages(packages, fetch);
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
      layers: [{ directory: layer, description: `catatonit of Debian, ${date}` }],
      // -P: wait for a signal, with nothing to start.
      config: { architecture, entrypoint: ["/pause", "-P"] },
      epochSeconds,
    });
    await packDirectory(tools, layout, join(directory, "pause.tar"), epochSeconds);
    for (const made of [brought, tree, layer, layout]) await rm(made, { recursive: true });
  },
});
