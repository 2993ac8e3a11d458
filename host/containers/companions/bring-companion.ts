/**
 * The companion that a container runs from: what was fetched, or the copy that the image of the OS has.
 *
 * When the one of a version cannot be had, that of another version is used, so that people get into a host whose
 * repository is away.
 */
import type { Clock } from "../../../lib/clock.ts";
import { Failure } from "../../../lib/failure.ts";
import { isPresent } from "../../../lib/files/files.ts";
import { readFacts, type Facts } from "../../machine/facts.ts";
import { hostPath, type System } from "../../machine/system.ts";
import type { Containerd } from "../containerd/containerd.ts";
import { usedLabel } from "../garbage.ts";
import { imageHere, type PulledImage } from "../image.ts";
import { noteUse } from "../pull/pull.ts";
import { companionCopyPath, companionPrefix, imageNameOf } from "./companion.ts";
import { importArchive } from "./import-archive.ts";

type Work = { system: System; containerd: Containerd };

/**
 * That of the version that runs, or the last one that was used.
 *
 * @throws {Failure<"no-image">} when none is here; the cause says why
 */
export async function bringCompanion(work: Work, companion: string, signal: AbortSignal): Promise<PulledImage> {
  const { system, containerd } = work;
  const facts = await readFacts(system);
  const copy = await copyOf(system, companion);
  const name = imageNameOf(companion, wantedOf(facts, copy));
  try {
    if (copy !== undefined && (await imageHere(containerd, name)) === undefined) {
      await importArchive({ containerd, clock: system.clock }, copy, name, signal);
    }
    return await used(containerd, system.clock, name);
  } catch (cause) {
    signal.throwIfAborted();
    const kept = await lastUsed(containerd, companion);
    if (kept === undefined) {
      throw new Failure("no-image", `cannot get the image ${companion} that comes with ${facts.versionId}`, {
        cause,
        hint: "the journal of its fetch-companion@.service has why it was not fetched",
      });
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

function wantedOf({ versionId: version, buildId: build }: Facts, copy: string | undefined) {
  return copy === undefined ? { version } : { version, build };
}

/** The copy in the image of the OS. */
export async function copyOf(system: System, companion: string): Promise<string | undefined> {
  const path = hostPath(system, companionCopyPath(companion));
  return (await isPresent(path)) ? path : undefined;
}

async function used(containerd: Containerd, clock: Pick<Clock, "now">, name: string): Promise<PulledImage> {
  const image = await imageHere(containerd, name);
  if (image === undefined) throw new Failure("no-image", `cannot use image ${name}: it is not here`);
  await noteUse(containerd, clock, name);
  return image;
}

/** Of any version, as containerd keeps it. */
export async function lastUsed({ images }: Containerd, companion: string): Promise<string | undefined> {
  const prefix = companionPrefix(companion);
  const kept = (await images.list({})).images.filter(({ name }) => name.startsWith(prefix));
  const byUse = kept.toSorted((a, b) => (a.labels[usedLabel] ?? "").localeCompare(b.labels[usedLabel] ?? ""));
  return byUse.at(-1)?.name;
}
