/** Reading and replacing whole small files safely. */
import { randomBytes } from "node:crypto";
import { access, mkdir, open, readdir, readFile, rename, stat, unlink } from "node:fs/promises";
import { dirname, join, basename } from "node:path";
import { isNotFound } from "./failure.ts";

/**
 * What it takes to replace a file so that it survives a loss of power. The simulator has a second implementation, which
 * loses power between any two operations: content is durable after `sync`, a name after `syncDirectory`.
 */
export interface Files {
  list(directory: string): Promise<string[]>;
  read(path: string): Promise<Buffer>;
  /** In bytes. */
  size(path: string): Promise<number>;
  /** With the directories above it. */
  makeDirectory(path: string): Promise<void>;
  /** A new file; rejects with EEXIST when there is one. */
  create(path: string, mode: number): Promise<NewFile>;
  /** Replaces a file of the new name. */
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
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
  makeDirectory: async (path) => void (await mkdir(path, { recursive: true })),
  async create(path, mode) {
    const file = await open(path, "wx", mode);
    await file.chmod(mode); // open() applies the umask
    return {
      write: async (data) => await file.writeFile(data),
      sync: async () => await file.sync(),
      [Symbol.asyncDispose]: async () => await file.close(),
    };
  },
  rename,
  remove: unlink,
  syncDirectory,
};

/** Makes renames and removals in a directory durable. */
export async function syncDirectory(directory: string): Promise<void> {
  await using handle = await open(directory, "r");
  await handle.sync();
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
  await files.makeDirectory(directory);
  const temporary = join(directory, `.${basename(path)}.${randomBytes(6).toString("hex")}`);
  try {
    {
      await using file = await files.create(temporary, mode);
      await file.write(data);
      await file.sync();
    }
    await files.rename(temporary, path);
  } catch (error) {
    await removeIfPresent(temporary, files);
    throw error;
  }
  await files.syncDirectory(directory);
}

/** The text of a file; undefined when it does not exist. */
export async function readTextIfPresent(path: string, files: Files = realFiles): Promise<string | undefined> {
  try {
    return (await files.read(path)).toString("utf8");
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
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

/** Removes a file; false when it was not there. */
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
