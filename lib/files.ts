/** Reading and replacing whole small files safely. */
import { randomBytes } from "node:crypto";
import { access, mkdir, open, readFile, rename, unlink } from "node:fs/promises";
import { dirname, join, basename } from "node:path";
import { isNotFound } from "./failure.ts";

/**
 * Replaces a file so that a reader, or a machine that loses power, sees either the old content or the new.
 *
 * A temporary file in the same directory is written, synced and renamed, then the directory is synced. Parent
 * directories are made. Not for files that another program holds open, nor for anything in /proc or /sys: those
 * need a plain write to the existing inode.
 */
export async function writeFileAtomic(path: string, data: string | Uint8Array, mode = 0o644): Promise<void> {
  const directory = dirname(path);
  await mkdir(directory, { recursive: true });
  const temporary = join(directory, `.${basename(path)}.${randomBytes(6).toString("hex")}`);
  const file = await open(temporary, "wx", mode);
  try {
    await file.writeFile(data);
    await file.chmod(mode); // open() applies the umask
    await file.sync();
    await file.close();
    await rename(temporary, path);
  } catch (error) {
    await file.close().catch(() => undefined); // the write's error is the one to tell
    await removeIfPresent(temporary);
    throw error;
  }
  await syncDirectory(directory);
}

/** Makes renames and removals in a directory durable. */
export async function syncDirectory(directory: string): Promise<void> {
  await using handle = await open(directory, "r");
  await handle.sync();
}

/** The text of a file; undefined when it does not exist. */
export async function readTextIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** Removes a file; false when it was not there. */
export async function removeIfPresent(path: string): Promise<boolean> {
  try {
    await unlink(path);
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

/** Is there a file, or anything else, at this path? */
export async function isPresent(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}
