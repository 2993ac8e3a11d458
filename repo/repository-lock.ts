/** One publisher at a time. */
import { join } from "node:path";
import { deferred } from "../lib/deferred.ts";
import { Failure } from "../lib/failure.ts";
import { openLocked } from "../lib/files/file-lock.ts";
import { isPresent, isTemporary, namesIn, removeIfPresent } from "../lib/files/files.ts";
import { newestRoot, rootPath, treePath, treesOf, type Repository } from "./repository.ts";

/**
 * Two publishers at once would each sign without the other's targets, or with keys that the other took out of service.
 * What a publisher that was killed left half written is removed: nobody else writes now.
 *
 * @throws {Failure<"repository-locked" | "repository-changed">}
 */
export async function lock(repository: Repository): Promise<AsyncDisposable> {
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

export async function lockDirectory({
  directory,
  files,
}: Pick<Repository, "directory" | "files">): Promise<AsyncDisposable> {
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

async function removeHalfWritten(repository: Repository): Promise<void> {
  const { directory, files } = repository;
  const trees = (await treesOf(repository)).map((machines) => treePath(repository, machines));
  for (const folder of [join(directory, "root"), join(directory, "targets"), ...trees]) {
    const names = await namesIn(folder, files);
    for (const name of names.filter(isTemporary)) await removeIfPresent(join(folder, name), files);
  }
}
