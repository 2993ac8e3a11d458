/** Writing the chain of root roles: the first of a repository, and each that follows another. */
import type { Key } from "@tufjs/models";
import { Failure } from "../lib/failure.ts";
import { readTextIfPresent, realFiles, writeFileAtomic } from "../lib/files/files.ts";
import { writeSigned } from "./change-tree.ts";
import { currentTree, newestRoot, rootPath, treesOf, type Repository } from "./repository.ts";
import { lock, lockDirectory } from "./repository-lock.ts";
import { expiresAt } from "./roles/expiration.ts";
import { contentOf, firstRoot, signedRoot, type RootContent } from "./roles/root-role.ts";
import type { Signer } from "./roles/signer.ts";
import { serialise, signedTree, type Signing } from "./tree.ts";

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
