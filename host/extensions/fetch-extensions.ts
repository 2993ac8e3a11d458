/**
 * What lies on the data partition: the extensions that settings choose, for a version of the OS, out of the update repository.
 *
 * Those of the version that ran before stay, so that going back needs no repository. What settings choose no more goes.
 */
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { explain, Failure } from "../../lib/failure.ts";
import { isPresent, namesIn, syncDirectory } from "../../lib/files/files.ts";
import { workDirectory } from "../../lib/files/work-directory.ts";
import { extensionTarget } from "../../repo/extension.ts";
import { readCompanionMirror } from "../containers/companions/companion-mirror.ts";
import { readFacts, type Facts } from "../machine/facts.ts";
import { hostPath, type System } from "../machine/system.ts";
import type { UpdateMirror } from "../update/fetch/mirror.ts";
import { refreshTrust, targetStream, type Target } from "../update/fetch/trusted-repository.ts";
import { storeDirectory, storedPath } from "./places.ts";
import { readChosen, readLacking, writeLacking, type Lacking } from "./records.ts";
import { imageCertificate, verifiedImage } from "./verified-image.ts";

/**
 * Brings the store to what settings choose.
 *
 * @param version that runs, or is to run next
 * @returns the names that were fetched
 * @throws {Failure<"no-extension">} when some cannot be had; the others are there
 */
export async function fetchExtensions(system: System, version: string, signal: AbortSignal): Promise<string[]> {
  const facts = await readFacts(system);
  const chosen = await readChosen(system);
  await sweep(system, chosen, { version, running: facts.versionId });
  const missing = await missingIn(system, chosen, version);
  const before = await readLacking(system);
  const lacking: Lacking = before.filter((each) => each.version !== version && chosen.includes(each.name));
  if (missing.length > 0) lacking.push(...(await fetchAll(system, facts, version, missing, before, signal)));
  await writeLacking(system, lacking);
  const refused = lacking.filter((each) => each.version === version);
  if (refused.length > 0) {
    throw new Failure("no-extension", refused.map(({ name, reason }) => `cannot have ${name}: ${reason}`).join("; "));
  }
  return missing;
}

/** Which of them are not in the store for a version. */
export async function missingIn(system: System, names: readonly string[], version: string): Promise<string[]> {
  const there = await Promise.all(
    names.map(async (name) => await isPresent(hostPath(system, storedPath(version, name)))),
  );
  return names.filter((_, index) => there[index] === false);
}

/** The names in the store, in whichever version. */
export async function storedNames(system: System): Promise<string[]> {
  const names = new Set<string>();
  for (const version of await versionsIn(system)) {
    for (const file of await namesIn(hostPath(system, join(storeDirectory, version)))) {
      if (file.endsWith(".raw")) names.add(file.slice(0, -".raw".length));
    }
  }
  return [...names].toSorted();
}

async function fetchAll(
  system: System,
  facts: Facts,
  version: string,
  names: readonly string[],
  before: Lacking,
  signal: AbortSignal,
): Promise<Lacking> {
  const lacking: Lacking = [];
  try {
    const mirror = await readCompanionMirror(system, facts.versionId);
    const { mtime: builtAt } = await stat(hostPath(system, "/usr/lib/os-release"));
    const trusted = await refreshTrust(system, mirror, builtAt, signal);
    for (const name of names) {
      const target = trusted.target(extensionTarget({ variant: facts.variant.name, arch: facts.arch, version }, name));
      const known = before.find((each) => each.name === name && each.version === version);
      const reason =
        target === undefined
          ? `the update repository does not have it for ${version}`
          : known?.digest === target.digest.hex
            ? known.reason
            : await fetchOne(system, mirror, target, { name, version, isRunning: version === facts.versionId }, signal);
      if (reason === undefined) continue;
      lacking.push({ name, version, reason, ...(target === undefined ? {} : { digest: target.digest.hex }) });
    }
  } catch (error) {
    signal.throwIfAborted();
    const known = new Set(lacking.map(({ name }) => name));
    for (const name of names) if (!known.has(name)) lacking.push({ name, version, reason: explain(error) });
  }
  // What was fetched before the repository went away is there all the same.
  const absent = new Set(await missingIn(system, names, version));
  return lacking.filter(({ name }) => absent.has(name));
}

/** @returns why it is refused; undefined when it is in the store. */
async function fetchOne(
  system: System,
  mirror: UpdateMirror,
  target: Target,
  { name, version, isRunning }: { name: string; version: string; isRunning: boolean },
  signal: AbortSignal,
): Promise<string | undefined> {
  system.log.info(`extensions: fetching ${target.name} of ${(target.bytes / 1e6).toFixed(1)} MB`);
  const place = hostPath(system, storedPath(version, name));
  await using work = await workDirectory(hostPath(system, join(storeDirectory, ".work")));
  const coming = join(work.path, `${name}.raw`);
  {
    await using file = await open(coming, "w", 0o600);
    for await (const bytes of targetStream(system, mirror, target, signal)) await file.writeFile(bytes);
    await file.datasync();
  }
  // What the next version takes, only that version can tell: it may have another key.
  const reason = isRunning ? await refusalOf(system, coming, signal) : undefined;
  if (reason !== undefined) return reason;
  await mkdir(dirname(place), { recursive: true });
  await rename(coming, place);
  await syncDirectory(dirname(place));
  return undefined;
}

async function refusalOf(system: System, path: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    await verifiedImage(path, await imageCertificate(system), signal);
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    return explain(error);
  }
}

/** Versions: the one that is asked for, the one that runs, and of the others the one that ran last. */
async function sweep(
  system: System,
  chosen: readonly string[],
  { version, running }: { version: string; running: string },
): Promise<void> {
  const store = hostPath(system, storeDirectory);
  const kept = new Set([version, running]);
  if (version === running) {
    const further = (await versionsIn(system)).filter((each) => each !== running);
    const times = await Promise.all(
      further.map(async (each) => ({ each, atMs: (await stat(join(store, each))).mtimeMs })),
    );
    const [last] = times.toSorted((a, b) => b.atMs - a.atMs);
    if (last !== undefined) kept.add(last.each);
  }
  for (const each of await versionsIn(system)) {
    if (!kept.has(each)) await rm(join(store, each), { recursive: true });
    else {
      for (const file of await namesIn(join(store, each))) {
        if (!chosen.includes(file.replace(/\.raw$/, ""))) await rm(join(store, each, file), { recursive: true });
      }
    }
  }
}

async function versionsIn(system: System): Promise<string[]> {
  return (await namesIn(hostPath(system, storeDirectory))).filter((name) => !name.startsWith("."));
}
