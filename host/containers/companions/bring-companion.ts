/**
 * Brings a companion into containerd: from the image of the OS where that has a copy, else from the update repository.
 *
 * One that is there is never asked for again: a version has no other. When the one of a version cannot be had, that of
 * another version is used, so that people get into a host whose repository is away.
 */
import { join } from "node:path";
import type { Clock } from "../../../lib/clock.ts";
import { Failure } from "../../../lib/failure.ts";
import { isPresent } from "../../../lib/files/files.ts";
import { workDirectory } from "../../../lib/files/work-directory.ts";
import { readFacts, type Facts } from "../../machine/facts.ts";
import { hostPath, type System } from "../../machine/system.ts";
import type { Containerd } from "../containerd/containerd.ts";
import { usedLabel } from "../garbage.ts";
import { imageHere, type PulledImage } from "../image.ts";
import { noteUse } from "../pull.ts";
import { companionCopyPath, companionPrefix, imageNameOf } from "./companion.ts";
import { readCompanionMirror } from "./companion-mirror.ts";
import { importArchive } from "./import-archive.ts";
import { fetchPublished } from "./published-companion.ts";

/** Archives that are fetched, until containerd has them: not in memory. */
const archivesDirectory = "/var/cache/orlop/companions";

type Work = { system: System; containerd: Containerd };

/**
 * That of the version that runs.
 *
 * @throws {Failure<"no-image">} when it cannot be had, nor is that of another version here; the cause says why
 */
export async function bringCompanion(work: Work, companion: string, signal: AbortSignal): Promise<PulledImage> {
  const { system, containerd } = work;
  const facts = await readFacts(system);
  const copy = await copyOf(system, companion);
  const name = imageNameOf(companion, wantedOf(facts, copy));
  try {
    if ((await imageHere(containerd, name)) === undefined) {
      if (copy === undefined) await fetchCompanion(work, companion, facts, facts.versionId, signal);
      else await importArchive({ containerd, clock: system.clock }, copy, name, signal);
    }
    return await used(containerd, system.clock, name);
  } catch (cause) {
    signal.throwIfAborted();
    const kept = await lastUsed(containerd, companion);
    if (kept === undefined) {
      throw new Failure("no-image", `cannot get the image ${companion} that comes with ${facts.versionId}`, { cause });
    }
    system.log.error(`image: cannot get ${name}, so ${kept} is used`, cause);
    return await used(containerd, system.clock, kept);
  }
}

/** What containerd keeps of a companion in the version that runs, whichever way it comes. */
export async function wantedNames(system: System, companion: string): Promise<string[]> {
  const { versionId: version, buildId: build } = await readFacts(system);
  return [imageNameOf(companion, { version }), imageNameOf(companion, { version, build })];
}

/**
 * Fetches that of another version, so that it is there once that version runs.
 *
 * @throws {Failure<"no-image">}
 */
export async function bringAhead(work: Work, companion: string, version: string, signal: AbortSignal): Promise<void> {
  const { system, containerd } = work;
  // Images that bring copies are followed by images that do.
  if ((await copyOf(system, companion)) !== undefined) return;
  const name = imageNameOf(companion, { version });
  if ((await imageHere(containerd, name)) !== undefined) return;
  await fetchCompanion(work, companion, await readFacts(system), version, signal);
  await used(containerd, system.clock, name);
}

function wantedOf({ versionId: version, buildId: build }: Facts, copy: string | undefined) {
  return copy === undefined ? { version } : { version, build };
}

async function copyOf(system: System, companion: string): Promise<string | undefined> {
  const path = hostPath(system, companionCopyPath(companion));
  return (await isPresent(path)) ? path : undefined;
}

async function fetchCompanion(
  { system, containerd }: Work,
  companion: string,
  { variant, arch, versionId }: Facts,
  version: string,
  signal: AbortSignal,
): Promise<void> {
  const mirror = await readCompanionMirror(system, versionId);
  await using directory = await workDirectory(hostPath(system, archivesDirectory));
  const archive = join(directory.path, `${companion}.tar`);
  const image = { variant: variant.name, arch, version };
  await fetchPublished(system, mirror, { companion, image }, archive, signal);
  await importArchive({ containerd, clock: system.clock }, archive, imageNameOf(companion, { version }), signal);
}

async function used(containerd: Containerd, clock: Pick<Clock, "now">, name: string): Promise<PulledImage> {
  await noteUse(containerd, clock, name);
  const image = await imageHere(containerd, name);
  if (image !== undefined) return image;
  throw new Failure("no-image", `cannot get image ${name}: it went while it was brought`);
}

/** Of any version. */
async function lastUsed({ images }: Containerd, companion: string): Promise<string | undefined> {
  const prefix = companionPrefix(companion);
  const kept = (await images.list({})).images.filter(({ name }) => name.startsWith(prefix));
  const byUse = kept.toSorted((a, b) => (a.labels[usedLabel] ?? "").localeCompare(b.labels[usedLabel] ?? ""));
  return byUse.at(-1)?.name;
}
