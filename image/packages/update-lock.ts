/**
 * Moves the locks to what the archive has now: signed release, indexes by hash, closures of every set, lock file.
 *
 * This is the only step that trusts a name instead of a hash, so it is the one that checks signatures; builds need
 * nothing but the lock.
 */
import { Failure, isFailure } from "../../lib/failure.ts";
import { run } from "../../lib/process.ts";
import { say } from "../../lib/progress.ts";
import type { Architecture, Variant } from "../../variants/variant.ts";
import {
  aarch64ToolPackages,
  basePackages,
  bootPackages,
  debianArchitecture,
  excludedPackages,
  initrdPackages,
  kernelPackages,
  toolPackages,
} from "./base.ts";
import { cacheDirectory } from "./cache.ts";
import { download } from "./download.ts";
import { type Lock, type LockedPackage, readLock, writeLock } from "./lock.ts";
import { type Archive, type Mirror, mirrorAt, mirrorOfMachine } from "./mirror.ts";
import { indexOf, type Package, type PackageIndex, readPackages } from "./package-index.ts";
import { archiveKeys, readRelease, type Release } from "./release.ts";
import { resolve } from "./resolve.ts";

/** The suites of Debian 13 that images are made from, with the archive that has each. */
const suites: readonly { suite: string; archive: Archive }[] = [
  { suite: "trixie", archive: "debian" },
  { suite: "trixie-updates", archive: "debian" },
  { suite: "trixie-security", archive: "debian-security" },
];

/** An InRelease is some 150 KB; what is far larger is something else. */
const maxReleaseBytes = 4 * 1024 * 1024;

export type UpdateOptions = {
  variants: readonly Variant[];
  /** The main archive's address; apt's configuration on this machine when absent. */
  mirror?: string;
  signal?: AbortSignal;
};

/** Resolves every set anew for each architecture and writes the locks; what changed comes back as sentences. */
export async function updateLock(architectures: readonly Architecture[], options: UpdateOptions): Promise<string[]> {
  const mirror = options.mirror === undefined ? await mirrorOfMachine() : mirrorAt(options.mirror);
  const releases = await fetchReleases(mirror, options.signal);
  const changes: string[] = [];
  const locks: Lock[] = [];
  for (const architecture of architectures) {
    const before = await lockIfPresent(architecture);
    if (before !== undefined) refuseOlder(before, releases);
    const index = await fetchIndex(mirror, releases, architecture, options.signal);
    const lock = lockOf(index, releases, architecture, options.variants);
    locks.push(lock);
    changes.push(...describeChanges(before, lock));
  }
  // All or none: an image of each architecture has the same versions.
  for (const lock of locks) await writeLock(lock);
  return changes;
}

/** The lock that an index gives: every set's closure and the packages of all. */
export function lockOf(
  index: PackageIndex,
  releases: readonly Pick<Release, "suite" | "date">[],
  architecture: Architecture,
  variants: readonly Variant[],
): Lock {
  const without = new Set(Object.keys(excludedPackages));
  const base = resolve(index, { wanted: Object.keys(basePackages), excluded: without });
  const sets = new Map<string, Package[]>([["base", base]]);
  for (const [flavour, kernel] of Object.entries(kernelPackages)) {
    const wanted = [kernel(architecture)];
    sets.set(`kernel-${flavour}`, resolve(index, { wanted, excluded: without, given: base }));
  }
  sets.set("boot", resolve(index, { wanted: Object.keys(bootPackages), excluded: without }));
  sets.set("initrd", resolve(index, { wanted: Object.keys(initrdPackages), excluded: without }));
  const tools = resolve(index, { wanted: Object.keys(toolPackages), excluded: without });
  sets.set("tools", tools);
  const beyond = Object.keys(aarch64ToolPackages);
  sets.set("tools-aarch64", resolve(index, { wanted: beyond, excluded: without, given: tools }));
  for (const { name, packages, architectures, lacks } of variants) {
    // The packages of a variant that cannot be built yet need not exist yet.
    if (lacks !== undefined || !architectures.includes(architecture)) continue;
    sets.set(name, resolve(index, { wanted: packages, excluded: without, given: base }));
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

function lockedPackage({ name, version, section, source, archive, path, bytes, sha256 }: Package): LockedPackage {
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

async function fetchReleases(mirror: Mirror, signal?: AbortSignal): Promise<Release[]> {
  const keys = await archiveKeys();
  const now = new Date();
  return Promise.all(
    suites.map(async ({ suite, archive }) => {
      const url = `${mirror[archive]}/dists/${suite}/InRelease`;
      const text = await fetchSmall(url, signal);
      return readRelease(text, { suite, keys, now, where: url });
    }),
  );
}

/** Not through the cache: what it is worth is in its signature and its date, so it is always asked for anew. */
async function fetchSmall(url: string, signal?: AbortSignal): Promise<string> {
  let response;
  try {
    response = await fetch(url, {
      signal: AbortSignal.any([AbortSignal.timeout(60_000), ...(signal === undefined ? [] : [signal])]),
    });
  } catch (cause) {
    signal?.throwIfAborted();
    throw new Failure("download", `cannot download ${url}`, { cause });
  }
  if (!response.ok) {
    throw new Failure("download", `cannot download ${url}: the server answered ${response.status}`, {
      hint: "choose another mirror with --mirror",
    });
  }
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > maxReleaseBytes) {
      throw new Failure("download", `cannot download ${url}: it is longer than ${maxReleaseBytes} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

async function fetchIndex(
  mirror: Mirror,
  releases: readonly Release[],
  architecture: Architecture,
  signal?: AbortSignal,
): Promise<PackageIndex> {
  const wanted = suites.map(({ suite, archive }) => {
    const path = `main/binary-${debianArchitecture(architecture)}/Packages.xz`;
    const file = releases.find((release) => release.suite === suite)?.files.get(path);
    if (file === undefined) {
      throw new Failure("bad-release", `cannot find ${path} in the release file of ${suite}`);
    }
    const folder = path.slice(0, path.lastIndexOf("/"));
    // By hash, for a name may already mean the next version while a mirror is being updated.
    return {
      ...file,
      archive,
      suite,
      url: `${mirror[archive]}/dists/${suite}/${folder}/by-hash/SHA256/${file.sha256}`,
    };
  });
  const paths = await download(wanted, {
    cache: cacheDirectory(),
    says: `downloading package indexes for ${architecture}`,
    ...(signal === undefined ? {} : { signal }),
  });
  const packages: Package[] = [];
  for (const { sha256, archive, suite } of wanted) {
    const { stdout } = await run(["xz", "--decompress", "--stdout", paths.get(sha256) ?? ""]);
    packages.push(...readPackages(stdout, archive, `the package index of ${suite} for ${architecture}`));
  }
  say(`${architecture}: the indexes name ${packages.length} packages`);
  return indexOf(packages);
}

async function lockIfPresent(architecture: Architecture): Promise<Lock | undefined> {
  try {
    return await readLock(architecture);
  } catch (error) {
    // An unreadable lock is what an update mends.
    if (isFailure(error, "no-lock", "bad-lock")) return undefined;
    throw error;
  }
}

/** A mirror that serves yesterday's signed files would take security updates back. */
function refuseOlder(lock: Lock, releases: readonly Release[]): void {
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
