/** Downloads that are not finished, beside the place where the whole file will be. */
import { randomBytes } from "node:crypto";
import { readdir, rename, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { isNotFound } from "../../lib/failure.ts";
import { removeIfPresent } from "../../lib/files.ts";
import { isRunning } from "./cache.ts";

/**
 * A name for the unfinished file that no other process uses: `<sha256>.<pid>-<random>.partial`.
 *
 * The longest one left by a process that has ended is taken over by renaming it, which only one process can do.
 */
export async function adoptPartial(path: string): Promise<string> {
  const directory = dirname(path);
  const own = join(directory, `${basename(path)}.${process.pid}-${randomBytes(4).toString("hex")}.partial`);
  const left: { path: string; bytes: number }[] = [];
  for (const name of await readdir(directory)) {
    const pid = new RegExp(`^${basename(path)}\\.(\\d+)-[0-9a-f]+\\.partial$`).exec(name)?.[1];
    if (pid === undefined || isRunning(Number(pid))) continue;
    const size = await sizeIfPresent(join(directory, name));
    if (size !== undefined) left.push({ path: join(directory, name), bytes: size });
  }
  for (const candidate of left.toSorted((a, b) => b.bytes - a.bytes)) {
    try {
      await rename(candidate.path, own);
      for (const other of left) await removeIfPresent(other.path);
      return own;
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
  return own;
}

async function sizeIfPresent(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
