/** Real files whose owner is watched: what is done to names, and which directories are synced, in its order. */
import { realFiles, type Files } from "../../lib/files/files.ts";

export type WatchedFiles = { files: Files; done: string[] };

/** @param shown how a path reads in `done` */
export function watchedFiles(shown: (path: string) => string): WatchedFiles {
  const done: string[] = [];
  const files: Files = {
    ...realFiles,
    async rename(from, to) {
      await realFiles.rename(from, to);
      done.push(`rename ${shown(to)}`);
    },
    async remove(path) {
      await realFiles.remove(path);
      done.push(`remove ${shown(path)}`);
    },
    async syncDirectory(path) {
      await realFiles.syncDirectory(path);
      done.push(`sync ${shown(path)}`);
    },
  };
  return { files, done };
}
