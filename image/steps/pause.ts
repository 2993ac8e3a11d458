/**
 * The image that holds what containers of a pod or a task share: one static program that waits, so that a host starts them
 * without a registry.
 *
 * It lies in the root as an archive. containerd takes it in before kubelet starts; the agent of ECS has Docker Engine load it,
 * and says to its cluster that tasks may share namespaces only where it could.
 */
import { copyFile, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Orchestrator } from "../../variants/variant.ts";
import { defined } from "../../lib/defined.ts";
import type { KeyedDirectory } from "../inputs.ts";
import { dockerManifest, makeLayer, makeLayout, packDirectory } from "../oci/layout.ts";
import { fetchPackages } from "../packages/fetch.ts";
import { packagesOf } from "../packages/lock.ts";
import { unpack } from "../packages/unpack.ts";
import type { ImagePlan } from "../plan.ts";
import { step } from "../step.ts";

/** Where programs of an orchestrator look for it, and by which name where they do not say so themselves. */
type PauseArchive = { place: string; dockerName?: string };

/**
 * kubelet's unit names it. For the agent of ECS all of it is fixed where its owner builds it.
 * Source: https://github.com/aws/amazon-ecs-agent, agent/config/config_unix.go and Makefile.
 */
export const pauseArchives: Readonly<Partial<Record<Orchestrator["kind"], PauseArchive>>> = {
  kubernetes: { place: "usr/share/orlop/images/pause.tar" },
  ecs: { place: "images/amazon-ecs-pause.tar", dockerName: "amazon/amazon-ecs-pause:0.1.0" },
};

/** Lays the archive into a root. */
export async function placePauseImage(root: string, orchestrator: Orchestrator["kind"], made: KeyedDirectory) {
  const place = pauseArchives[orchestrator]?.place;
  if (place === undefined) return;
  const target = join(root, place);
  await mkdir(dirname(target), { recursive: true });
  await copyFile(join(made.directory, "pause.tar"), target);
}

/** Makes `pause.tar` in the directory. */
export const makePauseImage = step({
  name: ({ architecture, dockerName }) => `pause-${dockerName === undefined ? "" : "docker-"}${architecture}`,
  label: () => "pause image",
  module: import.meta.path,
  inputs: ({
    tools,
    lock,
    architecture,
    epochSeconds,
    dockerName,
  }: Pick<ImagePlan, "tools" | "lock" | "architecture" | "epochSeconds"> & Pick<PauseArchive, "dockerName">) => ({
    ...defined({ dockerName }),
    tools,
    packages: packagesOf(lock, ["pause"]),
    architecture,
    date: lock.date,
    epochSeconds,
  }),
  async make(directory, { dockerName, tools, packages, architecture, date, epochSeconds }, fetch) {
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
    if (dockerName !== undefined) {
      await writeFile(join(layout, "manifest.json"), JSON.stringify(await dockerManifest(layout, dockerName)));
    }
    await packDirectory(tools, layout, join(directory, "pause.tar"), epochSeconds);
    for (const made of [brought, tree, layer, layout]) await rm(made, { recursive: true });
  },
});
