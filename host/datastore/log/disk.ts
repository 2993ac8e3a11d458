/**
 * Where the datastore keeps its files: one directory and the few operations it needs.
 *
 * The seam exists because the simulator must lose power between any two of them. What POSIX leaves open is therefore
 * spelled out: content is durable after the file's `sync`, a name after `syncNames`, and nothing before.
 */
import { join } from "node:path";
import { ensureDirectory, namesIn, removeIfPresent, type Files } from "../../../lib/files/files.ts";

export interface LogDisk {
  list(): Promise<string[]>;
  /** Rejects with a system error, ENOENT when there is no such file. */
  read(name: string): Promise<Uint8Array>;
  /** Makes the content of a file durable, whoever wrote it. */
  sync(name: string): Promise<void>;
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

/** A directory; it is made when the first file is. */
export function directoryDisk(files: Files, path: string): LogDisk {
  return {
    list: async () => await namesIn(path, files),
    read: async (name) => await files.read(join(path, name)),
    sync: async (name) => await files.sync(join(path, name)),
    async create(name) {
      await ensureDirectory(path, files, directoryMode);
      await removeIfPresent(join(path, name), files);
      const file = await files.create(join(path, name), fileMode);
      return {
        append: async (data) => await file.write(data),
        sync: async () => await file.sync(),
        [Symbol.asyncDispose]: async () => await file[Symbol.asyncDispose](),
      };
    },
    rename: async (from, to) => await files.rename(join(path, from), join(path, to)),
    remove: async (name) => await files.remove(join(path, name)),
    syncNames: async () => await files.syncDirectory(path),
  };
}
