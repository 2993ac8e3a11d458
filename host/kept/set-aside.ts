/**
 * What was found damaged on the private partition is moved out of the way, kept for a person to look at, and reported.
 *
 * The name that it gets, `trial.json.damaged-2026-01-31T12:00:00Z`, is the whole record: it outlasts restarts and
 * reboots, and the status of the host lists what there is.
 */
import { basename, dirname, join } from "node:path";
import { systemErrorCode } from "../../lib/failure.ts";
import { namesIn, removeIfPresent } from "../../lib/files/files.ts";
import { hostPath, type System } from "../machine/system.ts";

/** Something that this host keeps, by its path, and a sentence on what is so when it is lost. */
export type KeptPlace = { readonly path: string; readonly whenLost: string };

export type SetAside = { path: string; at: Date; movedTo: string; whenLost: string };

/** Of one thing; the newest stay. */
const mostOfEach = 4;

const nameOf = (path: string, at: Date): string => `${path}.damaged-${at.toISOString().replace(/\.\d+Z$/, "Z")}`;
const asideName = /^(.+)\.damaged-(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)$/;

/**
 * Moves away what stands where `place` should be. When the disk refuses even that, the journal has the error, and it
 * stays.
 *
 * @param error why it cannot be used; ENOTDIR means that the directory above it is none
 */
export async function setAside(system: System, { path, whenLost }: KeptPlace, error: unknown): Promise<void> {
  const { storage, log, clock } = system;
  const damaged = systemErrorCode(error) === "ENOTDIR" ? dirname(path) : path;
  const movedTo = nameOf(damaged, clock.now());
  log.error(`kept: ${damaged} is damaged; ${whenLost}`, error);
  try {
    await storage.rename(hostPath(system, damaged), hostPath(system, movedTo));
    await storage.syncDirectory(hostPath(system, dirname(damaged)));
    log.info(`kept: ${damaged} is set aside as ${basename(movedTo)}`);
    await forgetOldest(system, damaged);
  } catch (refusal) {
    if (systemErrorCode(refusal) === undefined) throw refusal;
    log.error(`kept: cannot set ${damaged} aside`, refusal);
  }
}

/** A disk that damages the same thing again and again must not be filled by that. */
async function forgetOldest({ root, storage }: System, path: string): Promise<void> {
  const directory = hostPath({ root }, dirname(path));
  const aside = (await namesIn(directory, storage)).filter((name) => asideName.exec(name)?.[1] === basename(path));
  for (const name of aside.slice(0, -mostOfEach)) await removeIfPresent(join(directory, name), storage);
}

/** What was set aside and is still there, the oldest first. */
export async function listSetAside(system: System, places: readonly KeptPlace[]): Promise<SetAside[]> {
  const directories = [...new Set(places.map(({ path }) => dirname(path)))];
  const listed = await Promise.all(
    directories.map(async (directory) => {
      const names = await namesOrNone(system, directory);
      return names.flatMap((name) => setAsideBy(join(directory, name), places) ?? []);
    }),
  );
  return listed.flat().toSorted((left, right) => left.at.getTime() - right.at.getTime());
}

function setAsideBy(movedTo: string, places: readonly KeptPlace[]): SetAside | undefined {
  const [, path, at] = asideName.exec(movedTo) ?? [];
  if (path === undefined || at === undefined) return undefined;
  const place = places.find((each) => each.path === path) ?? places.find((each) => dirname(each.path) === path);
  return place === undefined ? undefined : { path, at: new Date(at), movedTo, whenLost: place.whenLost };
}

/** A directory that cannot be read counts as empty here; what needs its content reports the error. */
async function namesOrNone(system: System, directory: string): Promise<string[]> {
  try {
    return await namesIn(hostPath(system, directory), system.storage);
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    return [];
  }
}
