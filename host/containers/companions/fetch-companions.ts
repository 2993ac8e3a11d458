/**
 * What `host-ctr fetch` and `fetch-ahead` do: the images that come with the OS, out of the update repository into containerd.
 *
 * Nobody else looks into the repository for a container, so who runs containers needs no rights on what the host knows of it.
 */
import { join } from "node:path";
import { isFailure } from "../../../lib/failure.ts";
import { workDirectory } from "../../../lib/files/work-directory.ts";
import { readFacts } from "../../machine/facts.ts";
import { hostPath, type System } from "../../machine/system.ts";
import { openContainerd, type Containerd } from "../containerd/containerd.ts";
import { hostContainerd } from "../description.ts";
import { imageHere } from "../image.ts";
import { noteUse } from "../pull/pull.ts";
import { tried } from "../pull/tried.ts";
import { imageNameOf } from "./companion.ts";
import { copyOf, lastUsed } from "./bring-companion.ts";
import { readCompanionMirror } from "./companion-mirror.ts";
import { describedCompanions } from "./described-companions.ts";
import { importArchive } from "./import-archive.ts";
import { fetchPublished } from "./published-companion.ts";

/** Archives that are fetched, until containerd has them: not in memory. */
const archivesDirectory = "/var/cache/orlop/companions";

type Work = { system: System; containerd: Containerd };

/** That of the version that runs. @returns its name, when it was fetched: not when it is here */
export async function fetchCurrent(system: System, companion: string, signal: AbortSignal): Promise<string[]> {
  const { versionId } = await readFacts(system);
  using containerd = openContainerd(hostPath(system, hostContainerd.socket), hostContainerd.namespace);
  return (await fetchCompanion({ system, containerd }, companion, versionId, signal)) ? [companion] : [];
}

/**
 * Those of another version, for all containers of this host: as many as can be had.
 *
 * @returns the names of those that were fetched
 * @throws why the first one that cannot be had cannot
 */
export async function fetchAhead(system: System, version: string, signal: AbortSignal): Promise<string[]> {
  using containerd = openContainerd(hostPath(system, hostContainerd.socket), hostContainerd.namespace);
  const fetched: string[] = [];
  const failures: unknown[] = [];
  for (const companion of await describedCompanions(system)) {
    try {
      if (await fetchCompanion({ system, containerd }, companion, version, signal)) fetched.push(companion);
    } catch (error) {
      signal.throwIfAborted();
      system.log.error(`image: cannot fetch ${companion}`, error);
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
  return fetched;
}

/**
 * Unless the image of the OS has a copy, or containerd has it: a version has no other.
 *
 * @returns whether it was fetched
 * @throws {Failure<"no-image" | "no-repository" | TufCode | "target-not-as-signed">}
 */
export async function fetchCompanion(
  work: Work,
  companion: string,
  version: string,
  signal: AbortSignal,
): Promise<boolean> {
  const { system, containerd } = work;
  // Images that bring copies are followed by images that do.
  if ((await copyOf(system, companion)) !== undefined) return false;
  const name = imageNameOf(companion, { version });
  if ((await imageHere(containerd, name)) !== undefined) return false;
  const once = async (): Promise<void> => await fetchOnce(work, companion, version, signal);
  // Where there is something to run, nobody waits for a network that is still coming up.
  if ((await lastUsed(containerd, companion)) !== undefined) await once();
  else await tried(system, signal, once, (error) => !isFailure(error, "no-image", "no-repository"));
  await noteUse(containerd, system.clock, name);
  return true;
}

async function fetchOnce(
  { system, containerd }: Work,
  companion: string,
  version: string,
  signal: AbortSignal,
): Promise<void> {
  const { variant, arch, versionId } = await readFacts(system);
  const mirror = await readCompanionMirror(system, versionId);
  await using directory = await workDirectory(hostPath(system, archivesDirectory));
  const archive = join(directory.path, `${companion}.tar`);
  const image = { variant: variant.name, arch, version };
  await fetchPublished(system, mirror, { companion, image }, archive, signal);
  await importArchive({ containerd, clock: system.clock }, archive, imageNameOf(companion, { version }), signal);
}
