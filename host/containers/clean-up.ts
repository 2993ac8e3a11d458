/** Removes the images of this host's containers that nobody needs any more. */
import { hostPath, type System } from "../machine/system.ts";
import { openContainerd } from "./containerd/containerd.ts";
import { wantedNames } from "./companions/bring-companion.ts";
import { companionIn } from "./companions/companion.ts";
import { describedReferences } from "./companions/described-companions.ts";
import { hostContainerd } from "./description.ts";
import { collectGarbage } from "./garbage.ts";

const imagesDirectory = "/var/lib/host-containerd";

/** Their names. */
export async function cleanUpImages(system: System): Promise<string[]> {
  using containerd = openContainerd(hostPath(system, hostContainerd.socket), hostContainerd.namespace);
  const { sizeBytes, availableBytes } = await system.space(imagesDirectory);
  const at = { now: system.clock.now(), usedShare: 1 - availableBytes / Math.max(1, sizeBytes) };
  const wanted: string[] = [];
  for (const reference of await describedReferences(system)) {
    const companion = companionIn(reference);
    wanted.push(...(companion === undefined ? [reference.name] : await wantedNames(system, companion)));
  }
  return (await collectGarbage({ containerd, log: system.log }, wanted, at)).map(({ name }) => name);
}
