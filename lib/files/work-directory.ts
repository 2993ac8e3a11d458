/**
 * A directory to make something in before it gets its place, which is gone afterwards, also when its maker was killed.
 *
 * Each has the lock of the file beside it for as long as its maker lives; whoever makes the next one below the same
 * parent removes those whose lock nobody holds.
 */
import { deferred } from "../deferred.ts";
import { randomBytes } from "node:crypto";
import { mkdir, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { afterFailure, isNotFound, systemErrorCode } from "../failure.ts";
import { openLocked } from "./file-lock.ts";
import { namesIn, removeIfPresent } from "./files.ts";

export type WorkDirectory = AsyncDisposable & { readonly path: string };

const nameBytes = 8;
const lockSuffix = ".lock";
/** What else lies below the parent is not ours. */
const ours = new RegExp(`^([0-9a-f]{${2 * nameBytes}})(\\${lockSuffix})?$`);

/** A new one below `parent`, which is made when it is not there and removed when nothing is in it any more. */
export async function workDirectory(parent: string): Promise<WorkDirectory> {
  await removeAbandoned(parent);
  for (;;) {
    await mkdir(parent, { recursive: true });
    const path = join(parent, randomBytes(nameBytes).toString("hex"));
    const lock = await lockNew(`${path}${lockSuffix}`);
    if (lock === undefined) continue;
    const dispose = async (): Promise<void> => {
      await using _close = deferred(async () => {
        await lock.close();
      });
      await rm(path, { recursive: true, force: true });
      await removeIfPresent(`${path}${lockSuffix}`);
      await removeIfEmpty(parent);
    };
    try {
      await mkdir(path);
    } catch (error) {
      throw await afterFailure(error, async () => {
        await dispose();
      });
    }
    return { path, [Symbol.asyncDispose]: dispose };
  }
}

/** Undefined when another process took it for abandoned, or the parent for empty, before it was locked. */
async function lockNew(path: string): ReturnType<typeof openLocked> {
  try {
    return await openLocked(path);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** The lock goes last: as long as its file is there, the directory is somebody's. */
async function removeAbandoned(parent: string): Promise<void> {
  const names = new Set((await namesIn(parent)).flatMap((name) => ours.exec(name)?.[1] ?? []));
  for (const name of names) {
    const path = join(parent, name);
    const lock = await lockNew(`${path}${lockSuffix}`);
    if (lock === undefined) continue;
    await using _close = deferred(async () => {
      await lock.close();
    });
    await rm(path, { recursive: true, force: true });
    await removeIfPresent(`${path}${lockSuffix}`);
  }
}

async function removeIfEmpty(directory: string): Promise<void> {
  try {
    await rmdir(directory);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code !== "ENOTEMPTY" && code !== "EEXIST" && code !== "ENOENT") throw error;
  }
}
