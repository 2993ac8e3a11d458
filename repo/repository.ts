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
import { join } from "node:path";
import { Metadata, MetadataKind, type Root, type Targets } from "@tufjs/models";
import { Failure, isFailure } from "../lib/failure.ts";
import { namesIn, readTextIfPresent, realFiles, type Files } from "../lib/files/files.ts";
import { parseJson } from "../lib/text/json.ts";
import { emptyManifest, parseManifest, type Machines, type Manifest } from "./manifest.ts";
import { storedName } from "./target-store.ts";
import { badMetadata, parsed, readRoleTree, type RoleTree } from "./tree.ts";

export const manifestName = "manifest.json";

export type Repository = {
  directory: string;
  /** How it is written; tests stop it in the middle. */
  files: Files;
  /** From version 1 to the newest, each verified by the one before it. */
  roots: readonly [Metadata<Root>, ...Metadata<Root>[]];
};

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

/** The manifest of a tree; an empty one when it has none. @throws {Failure<"bad-manifest" | "bad-json">} */
export async function readManifest(repository: Repository, targets: Targets["targets"]): Promise<Manifest> {
  const target = targets[manifestName];
  if (target === undefined) return emptyManifest;
  const path = join(repository.directory, "targets", storedName(target));
  const json = await readTextIfPresent(path);
  if (json === undefined) throw new Failure("bad-manifest", `cannot read the manifest: ${path} does not exist`);
  return parseManifest(parseJson(json, path), path);
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

export function rootPath(directory: string, version: number): string {
  return join(directory, "root", `${version}.root.json`);
}
