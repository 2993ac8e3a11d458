/** Reading and replacing whole small files safely. */
import { randomBytes } from "node:crypto";
import { access, mkdir, open, readdir, readFile, rename, stat, unlink } from "node:fs/promises";
import { dirname, join, basename } from "node:path";
import { afterFailure, isNotFound } from "../failure.ts";

/**
 * What it takes to replace a file so that it survives a loss of power. The simulator has a second implementation, which
 * loses power between any two operations: content is durable after `sync`, a name after `syncDirectory`.
 */
export interface Files {
  list(directory: string): Promise<string[]>;
  read(path: string): Promise<Buffer>;
  /** In bytes. */
  size(path: string): Promise<number>;
  /** With the directories above it; returns the topmost one that had to be made. */
  makeDirectory(path: string, mode?: number): Promise<string | undefined>;
  /** A new file; rejects with EEXIST when there is one. */
  create(path: string, mode: number): Promise<NewFile>;
  /** Replaces a file of the new name. */
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Makes the content of a file durable that is written already, by whomever. */
  sync(path: string): Promise<void>;
  syncDirectory(path: string): Promise<void>;
}

export interface NewFile extends AsyncDisposable {
  write(data: string | Uint8Array): Promise<void>;
  /** Makes the content durable. */
  sync(): Promise<void>;
}

export const realFiles: Files = {
  list: async (directory) => await readdir(directory),
  read: async (path) => await readFile(path),
  size: async (path) => (await stat(path)).size,
  makeDirectory: async (path, mode = 0o777) => await mkdir(path, { recursive: true, mode }),
  async create(path, mode) {
    const file = await open(path, "wx", mode);
    await file.chmod(mode); // open() applies the umask
    return {
      write: async (data) => await file.writeFile(data),
      // fdatasync(2): the size is part of it, times are not.
      sync: async () => await file.datasync(),
      [Symbol.asyncDispose]: async () => await file.close(),
    };
  },
  rename,
  remove: unlink,
  async sync(path) {
    await using file = await open(path, "r");
    await file.sync();
  },
  syncDirectory,
};

/** Makes renames and removals in a directory durable. */
export async function syncDirectory(directory: string): Promise<void> {
  await using handle = await open(directory, "r");
  await handle.sync();
}

/** Makes a directory and those above it, so that their names outlast a loss of power. */
export async function ensureDirectory(path: string, files: Files = realFiles, mode?: number): Promise<void> {
  const topmost = await files.makeDirectory(path, mode);
  if (topmost === undefined) return;
  for (let made = path; made.length >= topmost.length; made = dirname(made)) {
    await files.syncDirectory(dirname(made));
  }
}

/**
 * Replaces a file so that a reader, or a machine that loses power, sees either the old content or the new.
 *
 * A temporary file in the same directory is written, synced and renamed, then the directory is synced. Parent
 * directories are made. Not for files that another program holds open, nor for anything in /proc or /sys: those
 * need a plain write to the existing inode.
 */
export async function writeFileAtomic(
  path: string,
  data: string | Uint8Array,
  mode = 0o644,
  files: Files = realFiles,
): Promise<void> {
  const directory = dirname(path);
  await ensureDirectory(directory, files);
  const temporary = temporaryPath(path);
  try {
    {
      await using file = await files.create(temporary, mode);
      await file.write(data);
      await file.sync();
    }
    await files.rename(temporary, path);
  } catch (error) {
    throw await afterFailure(error, async () => await removeIfPresent(temporary, files));
  }
  await files.syncDirectory(directory);
}

/** Where what will replace `path` is written first. */
export function temporaryPath(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}`);
}

/** Whether a file of this name was written first to replace another; its writer has ended when it stays. */
export function isTemporary(name: string): boolean {
  return /^\..+\.[0-9a-f]{12}$/.test(name);
}

/**
 * Removes the temporary files of writes to `path` that were cut short, by a kill or a loss of power; returns how many.
 * Only for the one process that writes it.
 */
export async function removeLeftovers(path: string, files: Files = realFiles): Promise<number> {
  const directory = dirname(path);
  const isOfPath = (name: string): boolean => isTemporary(name) && name.slice(1, -13) === basename(path);
  const leftovers = (await namesIn(directory, files)).filter(isOfPath);
  for (const name of leftovers) await removeIfPresent(join(directory, name), files);
  return leftovers.length;
}

/**
 * Removes a file so that it does not come back after a loss of power; false when it was not there.
 *
 * The directory is synced also when there was nothing to remove: an earlier removal may have failed halfway.
 */
export async function removeDurably(path: string, files: Files = realFiles): Promise<boolean> {
  const removed = await removeIfPresent(path, files);
  try {
    await files.syncDirectory(dirname(path));
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  return removed;
}

/** The bytes of a file; undefined when it does not exist. */
export async function readIfPresent(path: string, files: Files = realFiles): Promise<Buffer | undefined> {
  try {
    return await files.read(path);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** The text of a file; undefined when it does not exist. */
export async function readTextIfPresent(path: string, files: Files = realFiles): Promise<string | undefined> {
  return (await readIfPresent(path, files))?.toString("utf8");
}

/** The names in a directory, sorted; none when it does not exist. */
export async function namesIn(directory: string, files: Files = realFiles): Promise<string[]> {
  try {
    return (await files.list(directory)).toSorted();
  } catch (error) {
    if (isNotFound(error)) return [];
    throw error;
  }
}

/**
 * The text of each file in a directory by its name, sorted; none when the directory does not exist.
 *
 * A name with a leading dot is no file here: it is what `writeFileAtomic` was writing when it was interrupted.
 */
export async function textsIn(directory: string, files: Files = realFiles): Promise<Map<string, string>> {
  const names = (await namesIn(directory, files)).filter((name) => !name.startsWith("."));
  const text = async (name: string): Promise<string> => (await files.read(join(directory, name))).toString("utf8");
  return new Map(await Promise.all(names.map(async (name) => [name, await text(name)] as const)));
}

/** Removes a file; false when it was not there. After a loss of power it may be back: see `removeDurably`. */
export async function removeIfPresent(path: string, files: Files = realFiles): Promise<boolean> {
  try {
    await files.remove(path);
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
