/**
 * Where the datastore keeps its files: one directory and the few operations it needs.
 *
 * The seam exists because the simulator must lose power between any two of them. What POSIX leaves open is therefore
 * spelled out: content is durable after the file's `sync`, a name after `syncNames`, and nothing before.
 */
import { mkdir, open, readdir, readFile, rename, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isNotFound } from "../../lib/failure.ts";
import { syncDirectory } from "../../lib/files.ts";

export interface Disk {
  list(): Promise<string[]>;
  /** Rejects with a system error, ENOENT when there is no such file. */
  read(name: string): Promise<Uint8Array>;
  /** A new, empty file; one of this name is emptied. */
  create(name: string): Promise<DiskFile>;
  /** Replaces a file of the new name in one step. */
  rename(from: string, to: string): Promise<void>;
  remove(name: string): Promise<void>;
  /** Makes durable which names exist and what they stand for. */
  syncNames(): Promise<void>;
}

export interface DiskFile extends AsyncDisposable {
  /** On an error any part of `data` may have been written. */
  append(data: Uint8Array): Promise<void>;
  /** Makes the content durable, as fdatasync(2). After an error nothing more can be said about what was appended. */
  sync(): Promise<void>;
}

/** Settings hold bootstrap tokens and registry passwords: nobody but the daemon reads them. */
const directoryMode = 0o700;
const fileMode = 0o600;

/** A real directory; it is made when the first file is. */
export function directoryDisk(path: string): Disk {
  return {
    async list() {
      try {
        return await readdir(path);
      } catch (error) {
        if (isNotFound(error)) return [];
        throw error;
      }
    },
    read: (name) => readFile(join(path, name)),
    async create(name) {
      const made = await mkdir(path, { recursive: true, mode: directoryMode });
      if (made !== undefined) await syncDirectory(dirname(made));
      return appendingFile(join(path, name));
    },
    rename: (from, to) => rename(join(path, from), join(path, to)),
    remove: (name) => unlink(join(path, name)),
    syncNames: () => syncDirectory(path),
  };
}

async function appendingFile(path: string): Promise<DiskFile> {
  const handle = await open(path, "w", fileMode);
  return {
    async append(data) {
      for (let written = 0; written < data.length;) {
        const { bytesWritten } = await handle.write(data, written, data.length - written);
        written += bytesWritten;
      }
    },
    sync: () => handle.datasync(),
    [Symbol.asyncDispose]: () => handle.close(),
  };
}
