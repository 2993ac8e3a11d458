/** What is offered: versions that are added, changed and taken off, and trees that are signed anew. */
import { join } from "node:path";
import { defined } from "../lib/defined.ts";
import { namesIn, removeIfPresent } from "../lib/files/files.ts";
import { changeTree, type TargetSource } from "./change-tree.ts";
import {
  addMigrations, addUpdate, addWays, prune as pruned, sourcesOf, targetsNamedBy, updateOf, type Machines, type Manifest,
} from "./manifest.ts"; // prettier-ignore
import { isExtensionFor } from "./extension.ts";
import { moduleKitName } from "./module-kit-name.ts";
import { addSmallerWays, type PatchOptions } from "./patch/smaller-ways.ts";
import { currentTree, treesOf, type Repository } from "./repository.ts";
import { lock } from "./repository-lock.ts";
import { storedName } from "./target-store.ts";
import type { Signing } from "./tree.ts";
import type { Wave } from "./waves/waves.ts";

/** An image's update artefacts: paths of files whose base names become target names. */
export type Release = Machines & {
  version: string;
  boot: TargetSource;
  root: TargetSource;
  hash: TargetSource;
  /** dm-verity's, where it is known; nothing but patches needs it. */
  rootHash?: string;
  /** All that the image carries: the version whose form each leads to, its target name, and its content. */
  migrations: readonly { version: string; name: string; text: string }[];
  /** Images of containers that come with it, as archives, by name: "admin". */
  companions?: Readonly<Record<string, TargetSource>>;
  /** What goes with the version and is no image, such as a kernel module kit. */
  further?: readonly TargetSource[];
};

export type PublishOptions = {
  waves: readonly Wave[];
  maxVersion?: string;
  /** From how many of the versions before it patches are made; none when it is absent. */
  patchesFrom?: number;
} & Omit<PatchOptions, "sources">;

/** Adds a version with its artefacts. @throws {Failure<"update-exists" | "too-few-signatures" | "no-patch-source" | …>} */
export async function publish(
  repository: Repository,
  release: Release,
  { waves, maxVersion, patchesFrom = 0, ...making }: PublishOptions,
  signing: Signing,
): Promise<void> {
  const { version, boot, root, hash, rootHash, companions = {}, further = [] } = release;
  const images = { boot: boot.name, root: root.name, hash: hash.name };
  await changeTree(repository, release, signing, async (tree) => {
    const names = Object.entries(companions).map(([companion, { name }]) => [companion, name] as const);
    const update = {
      version,
      images,
      waves,
      ...defined({ maxVersion, root_hash: rootHash }),
      ...(names.length === 0 ? {} : { companions: Object.fromEntries(names) }),
    };
    const manifest = addUpdate(tree.manifest, release, update);
    for (const source of [boot, root, hash, ...Object.values(companions), ...further]) await tree.add(source);
    const known = addMigrations(manifest, release, version, release.migrations);
    const named = new Set(Object.values(known.migrations).flat());
    for (const { name, text } of release.migrations) if (named.has(name)) await tree.addText(name, text);
    if (patchesFrom === 0) return known;
    const sources = sourcesOf(known, release, version, patchesFrom);
    const ways = await addSmallerWays(tree.store, updateOf(known, release, version), { sources, ...making });
    return addWays(known, release, version, ways);
  });
}

/**
 * Takes old versions of a tree off: the newest `keep` at or below the maximum stay. Files that no tree names any more are
 * removed, once the new metadata is there.
 *
 * @returns the versions that went
 */
export async function prune(
  repository: Repository,
  machines: Machines,
  keep: number,
  signing: Signing,
): Promise<string[]> {
  const gone: string[] = [];
  await changeTree(repository, machines, signing, async (tree) => {
    const left = pruned(tree.manifest, machines, keep);
    gone.push(...tree.manifest.updates.filter((each) => !left.updates.includes(each)).map(({ version }) => version));
    const named = new Set(targetsNamedBy(left));
    for (const name of targetsNamedBy(tree.manifest)) if (!named.has(name)) tree.remove(name);
    for (const version of gone) {
      tree.remove(moduleKitName(machines, version));
      for (const name of tree.names()) if (isExtensionFor({ ...machines, version }, name)) tree.remove(name);
    }
    return left;
  });
  await removeUnnamed(repository);
  return gone;
}

/** Changes the manifest of a tree: waves, maximum, recall. */
export async function changeManifest(
  repository: Repository,
  machines: Machines,
  signing: Signing,
  change: (manifest: Manifest) => Manifest,
): Promise<void> {
  await changeTree(repository, machines, signing, async ({ manifest }) => change(manifest));
}

/** Adds a file that is no update image, such as a kernel module kit. */
export async function addTarget(
  repository: Repository,
  machines: Machines,
  source: TargetSource,
  signing: Signing,
): Promise<void> {
  await changeTree(repository, machines, signing, async (tree) => {
    await tree.add(source);
    return tree.manifest;
  });
}

/** Signs every tree anew with later expirations and the newest root. @returns the trees */
export async function refresh(repository: Repository, signing: Signing): Promise<Machines[]> {
  const trees = await treesOf(repository);
  for (const machines of trees) await changeTree(repository, machines, signing, async ({ manifest }) => manifest);
  return trees;
}

/** Targets that no tree has. Hosts that read older metadata a moment ago look again. */
async function removeUnnamed(repository: Repository): Promise<void> {
  await using _lock = await lock(repository);
  const named = new Set<string>();
  for (const machines of await treesOf(repository)) {
    const tree = await currentTree(repository, machines);
    for (const target of Object.values(tree?.targets.signed.targets ?? {})) named.add(storedName(target));
  }
  const store = join(repository.directory, "targets");
  for (const name of await namesIn(store, repository.files)) {
    if (!named.has(name)) await removeIfPresent(join(store, name), repository.files);
  }
}
