/**
 * `manifest.json`: which versions a repository offers to which hosts, and when.
 *
 * The format is Bottlerocket's (its sources/updater/update_metadata), so that its tools read it: `updates` with their
 * images and waves, one `max_version` for each variant and architecture, and `migrations` keyed by the text
 * "(from, to)". Beside that, an update may name smaller ways to its images. It is a TUF target and therefore signed with
 * everything else.
 */
import { z } from "zod";
import { Failure } from "../lib/failure.ts";
import { compareVersions, Version } from "./version.ts";
import { seedLimit, type Wave } from "./waves/waves.ts";

const targetName = z.string().regex(/^[A-Za-z0-9._+-]{1,200}$/, "a target name without separators");
const moment = z.iso.datetime({ offset: true });
const seedBound = z
  .string()
  .regex(/^(0|[1-9]\d{0,3})$/)
  .refine((text) => Number(text) < seedLimit, "a seed from 0 to 2047");

const rootHash = z.string().regex(/^[0-9a-f]{64}$/, "a root hash of 64 hexadecimal digits");

/** Smaller ways to some of a version's files, for hosts that run another version. Its own `root_hash` is the source's. */
const Patch = z.object({
  version: Version,
  root_hash: rootHash,
  images: z.object({ boot: targetName, root: targetName, hash: targetName }).partial(),
});

const Update = z.object({
  variant: z.string().min(1),
  arch: z.string().min(1),
  version: Version,
  max_version: Version,
  waves: z.record(seedBound, moment),
  images: z.object({ boot: targetName, root: targetName, hash: targetName }),
  // Ours, from here on: Bottlerocket's tools and older hosts pass over it.
  root_hash: rootHash.exactOptional(),
  /** The kernel of `images`, compressed. */
  packed: z.object({ boot: targetName }).exactOptional(),
  patches: z.array(Patch).exactOptional(),
  /** Images of containers that come with the version, as archives, by name: "admin". */
  companions: z.record(z.string(), targetName).exactOptional(),
});

const hopPattern = /^\((\S+), (\S+)\)$/;

const Manifest = z.object({
  updates: z.array(Update),
  migrations: z.record(z.string().regex(hopPattern, 'a key like "(1.0.0, 1.1.0)"'), z.array(targetName)),
});

export type Update = z.infer<typeof Update>;
export type Patch = z.infer<typeof Patch>;
export type Manifest = z.infer<typeof Manifest>;

/** An update is three files: the unified kernel image, the root and its hash tree. */
export const parts = ["boot", "hash", "root"] as const;
export type UpdatePart = (typeof parts)[number];

/** Which machines an update is for. */
export type Machines = { variant: string; arch: string };

export const emptyManifest: Manifest = { updates: [], migrations: {} };

/**
 * @param file what the document was read from, for errors: a path, or the target's name where it was downloaded
 * @throws {Failure<"bad-manifest">} naming the place and what was expected there
 */
export function parseManifest(document: unknown, file: string): Manifest {
  const parsed = Manifest.safeParse(document);
  if (!parsed.success) throw new Failure("bad-manifest", `cannot use ${file}: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

/** Read once: many hosts of a simulation share a manifest, and dates take longer to read than to compare. */
const wavesRead = new WeakMap<Update, readonly Wave[]>();

/** The waves of an update, ascending by seed. */
export function wavesOfUpdate(update: Update): readonly Wave[] {
  const known = wavesRead.get(update);
  if (known !== undefined) return known;
  const waves = readWaves(update);
  wavesRead.set(update, waves);
  return waves;
}

function readWaves(update: Update): Wave[] {
  return Object.entries(update.waves)
    .map(([seed, start]) => ({ firstSeed: Number(seed), start: new Date(start) }))
    .sort((a, b) => a.firstSeed - b.firstSeed);
}

/**
 * Adds a version. Unless `maxVersion` says otherwise, the newest version known for these machines becomes their maximum.
 *
 * @throws {Failure<"update-exists" | "max-version-too-low">}
 */
export function addUpdate(
  manifest: Manifest,
  machines: Machines,
  update: Pick<Update, "version" | "images" | "root_hash" | "companions"> & {
    waves: readonly Wave[];
    maxVersion?: string;
  },
): Manifest {
  const { variant, arch } = machines;
  const { maxVersion: wantedMaximum, waves, ...described } = update;
  const known = manifest.updates.filter((each) => isFor(each, machines));
  if (known.some((each) => each.version === update.version)) {
    throw new Failure(
      "update-exists",
      `cannot add version ${update.version} for ${variant} on ${arch}: it is in the manifest`,
    );
  }
  const maxVersion = wantedMaximum ?? newest([update.version, ...known.map((each) => each.max_version)]);
  const added: Update = { variant, arch, ...described, max_version: maxVersion, waves: boundsOf(waves) };
  return setMaxVersion({ ...manifest, updates: [...manifest.updates, added] }, machines, maxVersion);
}

/** Names smaller ways to a version's images. @throws {Failure<"no-such-update">} */
export function addWays(
  manifest: Manifest,
  machines: Machines,
  version: string,
  ways: Pick<Update, "packed" | "patches">,
): Manifest {
  const update = updateOf(manifest, machines, version);
  return { ...manifest, updates: manifest.updates.map((each) => (each === update ? { ...each, ...ways } : each)) };
}

/** @throws {Failure<"no-such-update">} */
export function updateOf(manifest: Manifest, machines: Machines, version: string): Update {
  const update = manifest.updates.find((each) => isFor(each, machines) && each.version === version);
  if (update !== undefined) return update;
  throw new Failure("no-such-update", `cannot change ${version}: it is not in the manifest`);
}

/**
 * Records which migrations a version brings: those above the version before it here, or all of them for the first one.
 * Every hop is recorded, an empty one too, as Bottlerocket's tools expect.
 *
 * @param migrations all that the version's image carries
 */
export function addMigrations(
  manifest: Manifest,
  machines: Machines,
  version: string,
  migrations: readonly { version: string; name: string }[],
): Manifest {
  const older = manifest.updates
    .filter((each) => isFor(each, machines) && compareVersions(each.version, version) < 0)
    .map((each) => each.version);
  const from = older.length === 0 ? "0.0.0" : newest(older);
  const brought = migrations
    .filter((each) => compareVersions(each.version, from) > 0 && compareVersions(each.version, version) <= 0)
    .toSorted((a, b) => compareVersions(a.version, b.version));
  const hops = { ...manifest.migrations, [`(${from}, ${version})`]: brought.map(({ name }) => name) };
  return { ...manifest, migrations: hops };
}

/**
 * The migrations of every hop that ends above `from` and at `to` or below, in order. No path has to be found: what a
 * host has walked already follows from the versions in them.
 */
export function migrationsBetween(manifest: Manifest, from: string, to: string): string[] {
  const hops = Object.entries(manifest.migrations).flatMap(([key, names]) => {
    const [, , end] = hopPattern.exec(key) ?? [];
    return end !== undefined && Version.safeParse(end).success ? [{ end, names }] : [];
  });
  const wanted = hops
    .filter(({ end }) => compareVersions(end, from) > 0 && compareVersions(end, to) <= 0)
    .toSorted((a, b) => compareVersions(a.end, b.end));
  return [...new Set(wanted.flatMap(({ names }) => names))];
}

/** Hosts above the maximum are offered the newest version at or below it: this is how a release is recalled. */
export function setMaxVersion(manifest: Manifest, machines: Machines, maxVersion: string): Manifest {
  if (!manifest.updates.some((each) => isFor(each, machines) && compareVersions(each.version, maxVersion) <= 0)) {
    throw new Failure(
      "max-version-too-low",
      `cannot make ${maxVersion} the newest version for ${machines.variant} on ${machines.arch}: no version at or below it is in the manifest`,
    );
  }
  return {
    ...manifest,
    updates: manifest.updates.map((each) => (isFor(each, machines) ? { ...each, max_version: maxVersion } : each)),
  };
}

/**
 * Takes a bad release back: the maximum becomes the newest version below it, so that hosts which took it step back.
 * The update stays in the manifest for those that are pinned to it.
 *
 * @throws {Failure<"no-such-update" | "max-version-too-low">}
 */
export function recall(manifest: Manifest, machines: Machines, version: string): Manifest {
  const known = manifest.updates.filter((each) => isFor(each, machines)).map((each) => each.version);
  if (!known.includes(version)) {
    throw new Failure("no-such-update", `cannot recall ${version}: it is not in the manifest`, {
      hint: `versions for ${machines.variant} on ${machines.arch}: ${known.join(", ") || "none"}`,
    });
  }
  const older = known.filter((each) => compareVersions(each, version) < 0);
  if (older.length === 0) {
    throw new Failure("max-version-too-low", `cannot recall ${version}: there is no older version to step back to`);
  }
  return setMaxVersion(manifest, machines, newest(older));
}

/** Replaces the waves of one update. @throws {Failure<"no-such-update">} */
export function setWaves(manifest: Manifest, machines: Machines, version: string, waves: readonly Wave[]): Manifest {
  const update = updateOf(manifest, machines, version);
  const changed = { ...update, waves: boundsOf(waves) };
  return { ...manifest, updates: manifest.updates.map((each) => (each === update ? changed : each)) };
}

function boundsOf(waves: readonly Wave[]): Update["waves"] {
  return Object.fromEntries(waves.map(({ firstSeed, start }) => [String(firstSeed), start.toISOString()]));
}

/**
 * The versions from which a host most probably comes to this one: the newest `count` below it. Patches can be made from
 * those whose root hash is known.
 */
export function sourcesOf(manifest: Manifest, machines: Machines, version: string, count: number): Update[] {
  return manifest.updates
    .filter((each) => isFor(each, machines) && compareVersions(each.version, version) < 0)
    .toSorted((a, b) => compareVersions(b.version, a.version))
    .slice(0, count);
}

/**
 * Leaves the newest `keep` versions at or below the maximum, and all above it. Hops of migrations stay: hosts that are
 * older still walk them.
 */
export function prune(manifest: Manifest, machines: Machines, keep: number): Manifest {
  const below = manifest.updates
    .filter((each) => isFor(each, machines) && compareVersions(each.version, each.max_version) <= 0)
    .toSorted((a, b) => compareVersions(b.version, a.version));
  const gone = new Set(below.slice(keep));
  return { ...manifest, updates: manifest.updates.filter((each) => !gone.has(each)) };
}

/** Every target that a manifest names. */
export function targetsNamedBy({ updates, migrations }: Manifest): string[] {
  const images = updates.flatMap(({ images: whole, packed = {}, companions = {}, patches = [] }) => [
    whole,
    packed,
    companions,
    ...patches.map((patch) => patch.images),
  ]);
  const names = images.flatMap((each) => Object.values(each)).filter((name) => name !== undefined);
  return [...names, ...Object.values(migrations).flat()];
}

export function isFor(update: Update, { variant, arch }: Machines): boolean {
  return update.variant === variant && update.arch === arch;
}

function newest(versions: readonly string[]): string {
  const sorted = versions.toSorted(compareVersions);
  const last = sorted.at(-1);
  if (last === undefined) throw new Error("bug: no version to choose from");
  return last;
}
