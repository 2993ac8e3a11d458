/** Removes the images of this host's containers that nobody needs any more. */
import { hostPath, type System } from "../machine/system.ts";
import { openContainerd } from "./containerd/containerd.ts";
import { describedNames, readDescription } from "./described.ts";
import { containerTypes, hostContainerd } from "./description.ts";
import { collectGarbage } from "./garbage.ts";
import { parseReference } from "./registry/reference.ts";

const imagesDirectory = "/var/lib/host-containerd";

/** Their names. */
export async function cleanUpImages(system: System): Promise<string[]> {
  using containerd = openContainerd(hostPath(system, hostContainerd.socket), hostContainerd.namespace);
  const { sizeBytes, availableBytes } = await system.space(imagesDirectory);
  const at = { now: system.clock.now(), usedShare: 1 - availableBytes / Math.max(1, sizeBytes) };
  const wanted = (await describedImages(system)).map((source) => parseReference(source).name);
  return (await collectGarbage({ containerd, log: system.log }, wanted, at)).map(({ name }) => name);
}

/** Of every container that hostd has described. */
async function describedImages(system: System): Promise<string[]> {
  const sources: string[] = [];
  for (const type of containerTypes) {
    for (const name of await describedNames(system, type)) {
      const description = await readDescription(system, { type, name });
      if (description !== undefined) sources.push(description.source);
    }
  }
  return sources;
}
