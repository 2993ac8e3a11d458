/**
 * What lies on the data partition: the extensions that settings choose, for a version of the OS, out of the update repository.
 *
 * Those of the version that ran before stay, so that going back needs no repository. What settings choose no more goes.
 */
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Failure, messageOf } from "../../lib/failure.ts";
import { isPresent, namesIn, syncDirectory } from "../../lib/files/files.ts";
import { workDirectory } from "../../lib/files/work-directory.ts";
import { formatBytes } from "../../lib/progress.ts";
import { extensionTarget, largestExtensionBytes } from "../../repo/extension.ts";
import { readCompanionMirror } from "../containers/companions/companion-mirror.ts";
import { readFacts, type Facts } from "../machine/facts.ts";
import { hostPath, type System } from "../machine/system.ts";
import type { UpdateMirror } from "../update/fetch/mirror.ts";
import { refreshTrust, targetStream, type Target, type TrustedRepository } from "../update/fetch/trusted-repository.ts";
import { storeDirectory, storedPath } from "./places.ts";
import { readChosen, readLacking, writeLacking, type Lacking } from "./records.ts";
import { imageCertificate, verifiedImage } from "./verified-image.ts";

/** What the data partition keeps free for everything else. */
const spareBytes = 64 * 1024 * 1024;

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
  let mirror: UpdateMirror;
  let trusted: TrustedRepository;
  try {
    mirror = await readCompanionMirror(system, facts.versionId);
    const { mtime: builtAt } = await stat(hostPath(system, "/usr/lib/os-release"));
    trusted = await refreshTrust(system, mirror, builtAt, signal);
  } catch (error) {
    signal.throwIfAborted();
    system.log.error("extensions: cannot look into the update repository", error);
    return names.map((name) => ({ name, version, reason: messageOf(error) }));
  }
  const lacking: Lacking = [];
  for (const name of names) {
    const target = trusted.target(extensionTarget({ variant: facts.variant.name, arch: facts.arch, version }, name));
    if (target === undefined) {
      lacking.push({ name, version, reason: `the update repository does not have it for ${version}` });
      continue;
    }
    const known = before.find((each) => each.name === name && each.digest === target.digest.hex);
    const refusal = known ?? (await fetchOne({ system, mirror, target, facts }, { name, version }, signal));
    if (refusal !== undefined) lacking.push({ name, version, ...refusal });
  }
  return lacking;
}

type Refusal = Omit<Lacking[number], "name" | "version">;

/** @returns why it is not in the store; undefined when it is. */
async function fetchOne(
  { system, mirror, target, facts }: { system: System; mirror: UpdateMirror; target: Target; facts: Facts },
  { name, version }: { name: string; version: string },
  signal: AbortSignal,
): Promise<Refusal | undefined> {
  try {
    await mkdir(hostPath(system, storeDirectory), { recursive: true });
    const { availableBytes } = await system.space(storeDirectory);
    const tooLarge = sizeRefusal(target.bytes, availableBytes);
    if (tooLarge !== undefined) return { reason: tooLarge };
    system.log.info(`extensions: fetching ${target.name} of ${formatBytes(target.bytes)}`);
    const place = hostPath(system, storedPath(version, name));
    await using work = await workDirectory(hostPath(system, join(storeDirectory, ".work")));
    const coming = join(work.path, `${name}.raw`);
    await download({ system, mirror, target }, coming, signal);
    // What the next version takes, only that version can tell: it may have another key.
    const reason = version === facts.versionId ? await refusalOf(system, coming, signal) : undefined;
    if (reason !== undefined) return { reason, digest: target.digest.hex };
    await mkdir(dirname(place), { recursive: true });
    await rename(coming, place);
    await syncDirectory(dirname(place));
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    system.log.error(`extensions: cannot fetch ${name}`, error);
    return { reason: messageOf(error) };
  }
}

/** Why nothing of it is fetched: it, or the data partition, has the wrong size. */
export function sizeRefusal(bytes: number, availableBytes: number): string | undefined {
  if (bytes > largestExtensionBytes) {
    return `it has ${formatBytes(bytes)}, and an extension has at most ${formatBytes(largestExtensionBytes)}`;
  }
  if (availableBytes >= bytes + spareBytes) return undefined;
  return `it has ${formatBytes(bytes)}, and the data partition has room for ${formatBytes(Math.max(0, availableBytes - spareBytes))}`;
}

async function download(
  { system, mirror, target }: { system: System; mirror: UpdateMirror; target: Target },
  path: string,
  signal: AbortSignal,
): Promise<void> {
  await using file = await open(path, "w", 0o600);
  for await (const bytes of targetStream(system, mirror, target, signal)) await file.writeFile(bytes);
  await file.datasync();
}

async function refusalOf(system: System, path: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    await verifiedImage(path, await imageCertificate(system), signal);
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    return messageOf(error);
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
