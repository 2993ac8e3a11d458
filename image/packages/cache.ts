/**
 * The builder's cache: downloads by content, tools roots, intermediate results. It lies outside the clone, so that
 * several clones share it, and nothing in it is trusted: what comes out is checked against the lock again.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { rm, stat, utimes } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { isNotFound, systemErrorCode } from "../../lib/failure.ts";
import { namesIn } from "../../lib/files.ts";

/** `$ORLOP_CACHE`, or `~/.cache/orlop`. Not made here: who writes makes what it needs. */
export function cacheDirectory(): string {
  const chosen = process.env["ORLOP_CACHE"];
  return chosen === undefined || chosen === "" ? join(homedir(), ".cache", "orlop") : resolve(chosen);
}

/** Where a file with this SHA-256 is kept once it has been downloaded whole. */
export function contentPath(cache: string, sha256: string): string {
  return join(cache, "content", sha256.slice(0, 2), sha256);
}

/** What nobody has used for so long is removed. */
const keepMs = 60 * 24 * 60 * 60 * 1000;

/** Notes that something of the cache is in use, so that it is kept. */
export async function markUsed(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now);
}

/** Removes downloads and tools roots that have not been used for two months, and what a crash left half made. */
export async function pruneCache(cache: string, now: Date): Promise<void> {
  const old: string[] = [];
  for (const folder of ["content", "tools"]) {
    for (const path of await entriesOf(join(cache, folder))) {
      // Downloads lie in one more level of folders, by the first byte of their hash.
      old.push(...(folder === "content" ? await entriesOf(path) : [path]));
    }
  }
  for (const path of old) {
    const maker = /\.(\d+)-[0-9a-f]+\.new$/.exec(path)?.[1];
    if (maker !== undefined) {
      // Half made; while it is unpacked, its time is that of the files in it.
      if (!isRunning(Number(maker))) await rm(path, { recursive: true, force: true });
      continue;
    }
    const usedMs = await lastUsedMs(path);
    if (usedMs !== undefined && now.getTime() - usedMs > keepMs) await rm(path, { recursive: true, force: true });
  }
}

/** Undefined when another process removed it meanwhile. */
async function lastUsedMs(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).mtimeMs;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

async function entriesOf(directory: string): Promise<string[]> {
  return (await namesIn(directory)).map((name) => join(directory, name));
}

/** Whether the file is there and has exactly this length and SHA-256. */
export async function isIntact(path: string, { sha256, bytes }: { sha256: string; bytes: number }): Promise<boolean> {
  try {
    if ((await stat(path)).size !== bytes) return false;
    return (await sha256OfFile(path)) === sha256;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

/** SHA-256 in hexadecimal, without reading the whole file into memory. */
export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Uint8Array);
  return hash.digest("hex");
}

/** Whether a process is there whose unfinished files are not ours to take; one of another user counts too. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemErrorCode(error) === "EPERM";
  }
}
