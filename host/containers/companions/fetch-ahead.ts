/** What `host-ctr fetch` does: companions of a version, before it runs. */
import { hostPath, type System } from "../../machine/system.ts";
import { openContainerd } from "../containerd/containerd.ts";
import { hostContainerd } from "../description.ts";
import { bringAhead } from "./bring-companion.ts";
import { describedCompanions } from "./described-companions.ts";

/** Those that this host's containers are from. @returns their names */
export async function fetchAhead(system: System, version: string, signal: AbortSignal): Promise<string[]> {
  using containerd = openContainerd(hostPath(system, hostContainerd.socket), hostContainerd.namespace);
  const companions = await describedCompanions(system);
  for (const companion of companions) await bringAhead({ system, containerd }, companion, version, signal);
  return companions;
}
