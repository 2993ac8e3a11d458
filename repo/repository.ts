/**
 * The signed update repository: static files that any web server can serve.
 *
 * ```
 * root/N.root.json                      the chain of root roles, shared by all trees
 * metadata/<variant>/<arch>/…           one TUF tree for each kind of machine, with a copy of the chain
 * targets/<sha256>.<name>               every file any tree names
 * ```
 *
 * Every change follows the same order: targets, then metadata beside the old, then the timestamp in one step. A change
 * that is interrupted leaves the old repository valid.
 */
import { deferred } from "../lib/deferred.ts";
import { defined } from "../lib/defined.ts";
import { join } from "node:path";
import { Metadata, MetadataKind, type Key, type Root, type Targets } from "@tufjs/models";
import { Failure, isFailure } from "../lib/failure.ts";
import { openLocked } from "../lib/files/file-lock.ts";
import {
  isTemporary,
  isPresent,
  namesIn,
  readTextIfPresent,
  realFiles,
  removeIfPresent,
  writeFileAtomic,
  type Files,
} from "../lib/files/files.ts";
import { expiresAt } from "./roles/expiration.ts";
import {
  addMigrations, addUpdate, addWays, emptyManifest, parseManifest, prune as pruned, sourcesOf, targetsNamedBy, updateOf,
  type Machines, type Manifest,
} from "./manifest.ts"; // prettier-ignore
import { addSmallerWays, type PatchOptions, type TargetStore } from "./patch/smaller-ways.ts";
import { moduleKitName } from "./module-kit-name.ts";
import { contentOf, firstRoot, signedRoot, type RootContent } from "./roles/root-role.ts";
import type { Signer } from "./roles/signer.ts";
import { storedName, storeTarget, storeTargetBytes } from "./target-store.ts";
import {
  badMetadata,
  parsed,
  readRoleTree,
  serialise,
  signedTree,
  writeTree,
  type Signing,
  type RoleTree,
} from "./tree.ts";
import type { Wave } from "./waves.ts";

const manifestName = "manifest.json";

export type Repository = {
  directory: string;
  /** How it is written; tests stop it in the middle. */
  files: Files;
  /** From version 1 to the newest, each verified by the one before it. */
  roots: readonly [Metadata<Root>, ...Metadata<Root>[]];
};

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
  /** What goes with the version and is no image, such as a kernel module kit. */
  further?: readonly TargetSource[];
};
export type TargetSource = { name: string; path: string };

/** Makes an empty repository with its first root role. @throws {Failure<"repository-exists">} */
export async function initRepository(
  directory: string,
  options: {
    rootSigners: readonly Signer[];
    rootThreshold: number;
    publicationKeys: readonly Key[];
    publicationThreshold: number;
    signing: Signing;
  },
): Promise<Repository> {
  await realFiles.makeDirectory(directory);
  await using _lock = await lockDirectory({ directory, files: realFiles });
  if ((await readTextIfPresent(rootPath(directory, 1))) !== undefined) {
    throw new Failure("repository-exists", `cannot make a repository in ${directory}: there is one`);
  }
  const { rootSigners, signing } = options;
  const root = await signedRoot(
    firstRoot({
      ...options,
      rootKeys: rootSigners.map((signer) => signer.key),
      expires: expiresAt(signing.now, signing.expirations.root),
    }),
    rootSigners,
  );
  await writeFileAtomic(rootPath(directory, 1), serialise(root));
  return { directory, files: realFiles, roots: [root] };
}

/** @throws {Failure<"no-such-repository" | "bad-metadata">} */
export async function openRepository(directory: string): Promise<Repository> {
  const chain: Metadata<Root>[] = [];
  for (let version = 1; ; version++) {
    const path = rootPath(directory, version);
    const json = await readTextIfPresent(path);
    if (json === undefined) break;
    const root = parsed(json, path, (document) => Metadata.fromJSON(MetadataKind.Root, document));
    try {
      for (const judge of [chain.at(-1) ?? root, root]) judge.verifyDelegate("root", root);
    } catch (cause) {
      throw badMetadata(`cannot trust ${path}`, cause);
    }
    chain.push(root);
  }
  const [first, ...rest] = chain;
  if (first === undefined) {
    throw new Failure("no-such-repository", `cannot open the repository ${directory}: it has no root/1.root.json`, {
      hint: "make one with `./orlop repo init`",
    });
  }
  return { directory, files: realFiles, roots: [first, ...rest] };
}

export function newestRoot(repository: Repository): Metadata<Root> {
  return repository.roots.at(-1) ?? repository.roots[0];
}

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
  const { version, boot, root, hash, rootHash, further = [] } = release;
  const images = { boot: boot.name, root: root.name, hash: hash.name };
  await changeTree(repository, release, signing, async (tree) => {
    const update = { version, images, waves, ...defined({ maxVersion, root_hash: rootHash }) };
    const manifest = addUpdate(tree.manifest, release, update);
    for (const source of [boot, root, hash, ...further]) await tree.add(source);
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
    for (const version of gone) tree.remove(moduleKitName(machines, version));
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

/**
 * Changes the root role: `change` gets the newest content, the result becomes the next version. Then every tree is
 * signed anew, since the keys that may sign it can have changed.
 *
 * @param rootSigners the old root keys and the new ones, as many as both thresholds ask
 */
export async function rotateRoot(
  repository: Repository,
  change: (content: RootContent) => RootContent,
  rootSigners: readonly Signer[],
  signing: Signing,
): Promise<Repository> {
  await using _lock = await lock(repository);
  const previous = newestRoot(repository);
  const content = contentOf(previous.signed);
  const next = await signedRoot(
    { ...change(content), version: content.version + 1, expires: expiresAt(signing.now, signing.expirations.root) },
    rootSigners,
    previous,
  );
  const rotated: Repository = { ...repository, roots: [...repository.roots, next] };
  // A root that trees cannot be signed under would leave hosts without updates: sign all of them before it is written.
  const trees = await treesOf(repository);
  for (const machines of trees) {
    const tree = await currentTree(repository, machines);
    await signedTree(tree?.targets.signed.targets ?? {}, tree, next, signing);
  }
  await writeFileAtomic(rootPath(repository.directory, next.signed.version), serialise(next), 0o644, repository.files);
  for (const machines of trees) {
    const tree = await currentTree(repository, machines);
    await writeSigned(rotated, machines, tree?.targets.signed.targets ?? {}, tree, signing);
  }
  return rotated;
}

/** The kinds of machines the repository has a tree for, in order. */
export async function treesOf({ directory }: Repository): Promise<Machines[]> {
  const trees: Machines[] = [];
  for (const variant of await namesIn(join(directory, "metadata"))) {
    for (const arch of await namesIn(join(directory, "metadata", variant))) trees.push({ variant, arch });
  }
  return trees;
}

export function treePath({ directory }: Repository, { variant, arch }: Machines): string {
  return join(directory, "metadata", variant, arch);
}

/** The manifest of a tree; an empty one when it has none. */
export async function readManifest(repository: Repository, targets: Targets["targets"]): Promise<Manifest> {
  const target = targets[manifestName];
  if (target === undefined) return emptyManifest;
  const path = join(repository.directory, "targets", storedName(target));
  const json = await readTextIfPresent(path);
  if (json === undefined) throw new Failure("bad-manifest", `cannot read the manifest: ${path} does not exist`);
  return parsed(json, path, parseManifest);
}

type OpenTree = {
  manifest: Manifest;
  add(source: TargetSource): Promise<void>;
  addText(name: string, text: string): Promise<void>;
  /** Its file stays, as other trees may name it. */
  remove(name: string): void;
  store: TargetStore;
};

async function changeTree(
  repository: Repository,
  machines: Machines,
  signing: Signing,
  change: (tree: OpenTree) => Promise<Manifest>,
): Promise<void> {
  await using _lock = await lock(repository);
  const store = join(repository.directory, "targets");
  const previous = await currentTree(repository, machines);
  const targets = { ...previous?.targets.signed.targets };
  const addBytes = async (name: string, bytes: Uint8Array): Promise<void> => {
    targets[name] = await storeTargetBytes(repository.files, store, name, bytes);
  };
  const manifest = await change({
    manifest: await readManifest(repository, targets),
    add: async ({ name, path }) => {
      targets[name] = await storeTarget(repository.files, store, name, path);
    },
    addText: async (name, text) => await addBytes(name, Buffer.from(text)),
    remove: (name) => void delete targets[name],
    store: {
      stored: (name) => {
        const target = targets[name];
        if (target === undefined) return undefined;
        const { length, hashes } = target;
        return { path: join(store, storedName(target)), bytes: length, sha256: hashes["sha256"] ?? "" };
      },
      add: addBytes,
    },
  });
  const bytes = Buffer.from(`${JSON.stringify(manifest, null, 1)}\n`);
  targets[manifestName] = await storeTargetBytes(repository.files, store, manifestName, bytes);
  await writeSigned(repository, machines, targets, previous, signing);
}

async function writeSigned(
  repository: Repository,
  machines: Machines,
  targets: Targets["targets"],
  previous: RoleTree | undefined,
  signing: Signing,
): Promise<void> {
  const directory = treePath(repository, machines);
  const tree = await signedTree(targets, previous, newestRoot(repository), signing);
  for (const root of repository.roots) {
    const path = join(directory, `${root.signed.version}.root.json`);
    if ((await readTextIfPresent(path)) === undefined)
      await writeFileAtomic(path, serialise(root), 0o644, repository.files);
  }
  await writeTree(repository.files, directory, tree);
}

/**
 * A tree as it was last signed. A rotation that was interrupted leaves some trees one root behind, so older roots may
 * still vouch for it.
 */
export async function currentTree(repository: Repository, machines: Machines): Promise<RoleTree | undefined> {
  const directory = treePath(repository, machines);
  let refused: unknown;
  for (const root of repository.roots.toReversed()) {
    try {
      return await readRoleTree(directory, root);
    } catch (error) {
      if (!isFailure(error, "bad-metadata")) throw error;
      refused ??= error;
    }
  }
  throw refused;
}

function rootPath(directory: string, version: number): string {
  return join(directory, "root", `${version}.root.json`);
}

/**
 * Two publishers at once would each sign without the other's targets, or with keys that the other took out of service.
 * What a publisher that was killed left half written is removed: nobody else writes now.
 *
 * @throws {Failure<"repository-locked" | "repository-changed">}
 */
async function lock(repository: Repository): Promise<AsyncDisposable> {
  await using unlessRefused = new AsyncDisposableStack();
  unlessRefused.use(await lockDirectory(repository));
  if (await isPresent(rootPath(repository.directory, newestRoot(repository).signed.version + 1))) {
    throw new Failure("repository-changed", "cannot change the repository: its keys were changed since it was read", {
      hint: "do it again",
    });
  }
  await removeHalfWritten(repository);
  return unlessRefused.move();
}

async function lockDirectory({ directory, files }: Pick<Repository, "directory" | "files">): Promise<AsyncDisposable> {
  const path = join(directory, ".lock");
  const lock = await openLocked(path);
  if (lock === undefined) {
    throw new Failure(
      "repository-locked",
      `cannot change the repository ${directory}: another process is changing it`,
      {
        hint: "do it again when that one has ended",
      },
    );
  }
  return {
    async [Symbol.asyncDispose]() {
      await using _close = deferred(async () => {
        await lock.close();
      });
      await removeIfPresent(path, files);
    },
  };
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

async function removeHalfWritten(repository: Repository): Promise<void> {
  const { directory, files } = repository;
  const trees = (await treesOf(repository)).map((machines) => treePath(repository, machines));
  for (const folder of [join(directory, "root"), join(directory, "targets"), ...trees]) {
    const names = await namesIn(folder, files);
    for (const name of names.filter(isTemporary)) await removeIfPresent(join(folder, name), files);
  }
}
