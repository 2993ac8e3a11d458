/** A change to one tree: its targets and manifest as they are, then both signed as they are to be. */
import { join } from "node:path";
import type { Targets } from "@tufjs/models";
import { readTextIfPresent, writeFileAtomic } from "../lib/files/files.ts";
import type { Machines, Manifest } from "./manifest.ts";
import type { TargetStore } from "./patch/smaller-ways.ts";
import { currentTree, manifestName, newestRoot, readManifest, treePath, type Repository } from "./repository.ts";
import { lock } from "./repository-lock.ts";
import { storedName, storeTarget, storeTargetBytes } from "./target-store.ts";
import { serialise, signedTree, writeTree, type RoleTree, type Signing } from "./tree.ts";

export type TargetSource = { name: string; path: string };

export type OpenTree = {
  manifest: Manifest;
  add(source: TargetSource): Promise<void>;
  addText(name: string, text: string): Promise<void>;
  /** Of its targets. */
  names(): string[];
  /** Its file stays, as other trees may name it. */
  remove(name: string): void;
  store: TargetStore;
};

export async function changeTree(
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
    names: () => Object.keys(targets),
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

export async function writeSigned(
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
