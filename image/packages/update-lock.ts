/**
 * Moves the locks to what the archive has now: signed release, indexes by hash, closures of every set, lock file.
 *
 * This is the only step that trusts a name instead of a hash, so it is the one that checks signatures; builds need
 * nothing but the lock.
 */
import { Failure, isFailure } from "../../lib/failure.ts";
import type { Architecture, Variant } from "../../variants/variant.ts";
import { type ArchiveOptions, fetchIndex, fetchReleases } from "./debian/archive.ts";
import {
  aarch64ToolPackages,
  basePackages,
  bmapPackages,
  bootPackages,
  busyboxPackages,
  compilerPackages,
  containerPackages,
  driverPackages,
  etcdPackages,
  excludedFromContainers,
  excludedBeside,
  excludedFromBase,
  excludedPackages,
  goPackages,
  headerPackages,
  initrdPackages,
  kernelPackages,
  libraryPackages,
  modulePackages,
  pausePackages,
  policyPackages,
  preparePackages,
  registryPackages,
  browserPackages,
  runtimePackages,
  shellPackages,
  tokenPackages,
  tpmPackages,
  toolPackages,
} from "./base.ts";
import { type Lock, type LockedPackage, lockPath, packagesOf, readLock, writeLock } from "./lock.ts";
import { mirrorAt, mirrorOfMachine } from "./debian/mirror.ts";
import type { Package, PackageIndex } from "./debian/package-index.ts";
import type { DebianRelease } from "./debian/release.ts";
import { resolve } from "./debian/resolve.ts";

export type UpdateOptions = ArchiveOptions & {
  variants: readonly Variant[];
  /** The main archive's address; apt's configuration on this machine when absent. */
  mirror?: string;
  /** Where `variants/lock/` is; this repository when absent. */
  repository?: string;
};

/** Resolves every set anew for each architecture and writes the locks; what changed comes back as sentences. */
export async function updateLock(architectures: readonly Architecture[], options: UpdateOptions): Promise<string[]> {
  const mirror = options.mirror === undefined ? await mirrorOfMachine() : mirrorAt(options.mirror);
  const releases = await fetchReleases(mirror, options);
  const changes: string[] = [];
  const locks: Lock[] = [];
  for (const architecture of architectures) {
    const before = await lockIfPresent(architecture, options.repository);
    if (before !== undefined) refuseOlder(before, releases);
    const index = await fetchIndex(mirror, releases, architecture, options);
    const lock = lockOf(index, releases, architecture, options.variants);
    locks.push(lock);
    changes.push(...describeChanges(before, lock));
  }
  // All or none: an image of each architecture has the same versions.
  for (const lock of locks) await writeLock(lock, lockPath(lock.architecture, options.repository));
  return changes;
}

/** The lock that an index gives: every set's closure and the packages of all. */
export function lockOf(
  index: PackageIndex,
  releases: readonly Pick<DebianRelease, "suite" | "date">[],
  architecture: Architecture,
  variants: readonly Variant[],
): Lock {
  const without = new Set(Object.keys(excludedPackages));
  const withoutInBase = new Set([...without, ...Object.keys(excludedFromBase)]);
  const base = resolve(index, { wanted: Object.keys(basePackages), excluded: withoutInBase });
  const sets = new Map<string, Package[]>([["base", base]]);
  for (const [flavour, kernel] of Object.entries(kernelPackages)) {
    const wanted = [kernel(architecture)];
    sets.set(`kernel-${flavour}`, resolve(index, { wanted, excluded: without, present: base }));
  }
  for (const [flavour, headers] of Object.entries(headerPackages)) {
    const wanted = [...Object.keys(modulePackages), headers(architecture)];
    sets.set(`modules-${flavour}`, resolve(index, { wanted, excluded: without }));
  }
  const withoutDkms = new Set([...without, "dkms"]);
  sets.set("driver", resolve(index, { wanted: Object.keys(driverPackages), excluded: withoutDkms }));
  sets.set("boot", resolve(index, { wanted: Object.keys(bootPackages), excluded: without }));
  sets.set("initrd", resolve(index, { wanted: Object.keys(initrdPackages), excluded: without }));
  const tools = resolve(index, { wanted: Object.keys(toolPackages), excluded: without });
  sets.set("tools", tools);
  const beyond = Object.keys(aarch64ToolPackages);
  sets.set("tools-aarch64", resolve(index, { wanted: beyond, excluded: without, present: tools }));
  sets.set("registry", resolve(index, { wanted: Object.keys(registryPackages), excluded: without }));
  sets.set("browser", resolve(index, { wanted: Object.keys(browserPackages), excluded: without }));
  sets.set("shells", resolve(index, { wanted: Object.keys(shellPackages), excluded: without }));
  sets.set("token", resolve(index, { wanted: Object.keys(tokenPackages), excluded: without }));
  sets.set("policy", resolve(index, { wanted: Object.keys(policyPackages), excluded: without }));
  sets.set("tpm", resolve(index, { wanted: Object.keys(tpmPackages), excluded: without }));
  sets.set("runtime", resolve(index, { wanted: Object.keys(runtimePackages), excluded: without }));
  sets.set("busybox", resolve(index, { wanted: Object.keys(busyboxPackages), excluded: without }));
  sets.set("go", resolve(index, { wanted: Object.keys(goPackages), excluded: without }));
  sets.set("c", resolve(index, { wanted: Object.keys(compilerPackages(architecture)), excluded: without }));
  sets.set("c-libraries", resolve(index, { wanted: Object.keys(libraryPackages), excluded: without }));
  sets.set("pause", resolve(index, { wanted: Object.keys(pausePackages), excluded: without }));
  sets.set("etcd", resolve(index, { wanted: Object.keys(etcdPackages), excluded: without }));
  sets.set("bmap", resolve(index, { wanted: Object.keys(bmapPackages), excluded: without }));
  const withoutInContainers = new Set([...without, ...Object.keys(excludedFromContainers)]);
  for (const [image, packages] of Object.entries(containerPackages)) {
    const wanted = Object.keys(packages);
    sets.set(`container-${image}`, resolve(index, { wanted, excluded: withoutInContainers }));
  }
  sets.set("prepare", resolve(index, { wanted: Object.keys(preparePackages), excluded: withoutInContainers }));
  for (const { name, packages, architectures, lacks } of variants) {
    // The packages of a variant that cannot be built yet need not exist yet.
    if (lacks !== undefined || !architectures.includes(architecture)) continue;
    const beside = packages.flatMap((wanted) => Object.keys(excludedBeside[wanted] ?? {}));
    sets.set(name, resolve(index, { wanted: packages, excluded: new Set([...without, ...beside]), present: base }));
  }

  const used = new Map([...sets.values()].flat().map((item) => [item.name, item]));
  const latest = Math.max(...releases.map(({ date }) => date.getTime()));
  return {
    format: 1,
    architecture,
    date: isoSeconds(new Date(latest)),
    suites: Object.fromEntries(releases.map(({ suite, date }) => [suite, isoSeconds(date)])),
    sets: Object.fromEntries([...sets].map(([name, members]) => [name, members.map((member) => member.name)])),
    packages: [...used.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1)).map(lockedPackage),
  };
}

/**
 * What the archive has now of packages that a variant wants beyond those of a lock, with all that they need.
 *
 * @param sets those of the lock that are there already
 * @throws {Failure<"unsatisfied" | "package-conflict">}
 */
export async function packagesBeyond(
  lock: Lock,
  sets: readonly string[],
  wanted: readonly string[],
  options: ArchiveOptions & Pick<UpdateOptions, "mirror">,
): Promise<LockedPackage[]> {
  const mirror = options.mirror === undefined ? await mirrorOfMachine() : mirrorAt(options.mirror);
  const index = await fetchIndex(mirror, await fetchReleases(mirror, options), lock.architecture, options);
  const locked = packagesOf(lock, sets);
  const present = locked.map(({ name }) => index.packages.get(name)).filter((item) => item !== undefined);
  const beside = wanted.flatMap((name) => Object.keys(excludedBeside[name] ?? {}));
  const excluded = new Set([...Object.keys(excludedPackages), ...beside]);
  return resolve(index, { wanted, excluded, present }).map(lockedPackage);
}

/** As a lock has it. */
export function lockedPackage({
  name,
  version,
  section,
  source,
  archive,
  path,
  bytes,
  sha256,
}: Package): LockedPackage {
  return {
    name,
    version,
    section,
    source: source.name,
    ...(source.version === version ? {} : { sourceVersion: source.version }),
    archive,
    path,
    bytes,
    sha256,
  };
}

async function lockIfPresent(architecture: Architecture, repository?: string): Promise<Lock | undefined> {
  try {
    return await readLock(architecture, lockPath(architecture, repository));
  } catch (error) {
    // An unreadable lock is what an update mends.
    if (isFailure(error, "no-lock", "bad-lock")) return undefined;
    throw error;
  }
}

/** A mirror that serves yesterday's signed files would take security updates back. */
function refuseOlder(lock: Lock, releases: readonly DebianRelease[]): void {
  for (const { suite, date } of releases) {
    const locked = lock.suites[suite];
    if (locked !== undefined && date < new Date(locked)) {
      const dates = `it was made at ${isoSeconds(date)}, the lock for ${lock.architecture} at ${locked}`;
      throw new Failure("stale-mirror", `cannot use the mirror's ${suite}: ${dates}`, {
        hint: "wait until the mirror caught up, or choose another one with --mirror",
      });
    }
  }
}

/** "x86_64: systemd 257.12-1 -> 257.13-1" */
export function describeChanges(before: Lock | undefined, after: Lock): string[] {
  const old = new Map((before?.packages ?? []).map((item) => [item.name, item.version]));
  const current = new Map(after.packages.map((item) => [item.name, item.version]));
  const lines: string[] = [];
  for (const name of [...new Set([...old.keys(), ...current.keys()])].toSorted()) {
    const from = old.get(name);
    const to = current.get(name);
    if (from !== to) lines.push(`${after.architecture}: ${name} ${from ?? "(new)"} -> ${to ?? "(gone)"}`);
  }
  return lines;
}

function isoSeconds(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}
