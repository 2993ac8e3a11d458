/**
 * The builder's cache: downloads by content, tools roots, intermediate results. It lies outside the clone, so that
 * several clones share it.
 *
 * Downloads are checked by length and hash each time that they are asked for. Tools roots and results of steps are found
 * by the hash of what went into them and taken as they lie there: who may write here decides what a build holds.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, rename, rm, stat, utimes } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import type { z } from "zod";
import { Failure, isNotFound, systemErrorCode } from "../../lib/failure.ts";
import { namesIn } from "../../lib/files/files.ts";
import { say } from "../../lib/progress.ts";
import { readRecord } from "../../lib/files/record.ts";
import { type WorkDirectory, workDirectory } from "../../lib/files/work-directory.ts";

/** `$ORLOP_CACHE`, or `~/.cache/orlop`. Not made here: who writes makes what it needs. */
export function cacheDirectory(): string {
  const chosen = process.env["ORLOP_CACHE"];
  return chosen === undefined || chosen === "" ? join(homedir(), ".cache", "orlop") : resolve(chosen);
}

/** Where a file with this SHA-256 is kept once it has been downloaded whole. */
export function contentPath(cache: string, sha256: string): string {
  return join(cache, "content", sha256.slice(0, 2), sha256);
}

/** A directory to make something in that then gets its place in the cache by `moveInto`. */
export async function workInCache(cache: string): Promise<WorkDirectory> {
  return await workDirectory(join(cache, "work"));
}

/** Gives what was made its place. Another process may have made the same meanwhile; then that is as good. */
export async function moveInto(directory: string, { path }: WorkDirectory): Promise<void> {
  await mkdir(dirname(directory), { recursive: true });
  try {
    await rename(path, directory);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code !== "ENOTEMPTY" && code !== "EEXIST") throw error;
  }
}

/**
 * What a step wrote about its result, beside it.
 *
 * @throws {Failure<"damaged-record">} also when it is not there: it was when the result got its place
 */
export async function readResult<T>(directory: string, name: string, schema: z.ZodType<T>): Promise<T> {
  const [path, remedy] = [join(directory, name), `remove ${directory} and build again`];
  const record = await readRecord(path, schema, remedy);
  if (record !== undefined) return record;
  throw new Failure("damaged-record", `cannot use the record ${path}: it is not there`, { hint: remedy });
}

const dayMs = 24 * 60 * 60 * 1000;

/**
 * What nobody has used for so long is removed. Results of steps are the largest, and of variants that nobody builds any
 * more no step is made again that would make room.
 */
const keepDays = { content: 60, tools: 60, steps: 30 } as const;

/** Notes that something of the cache is in use, so that it is kept. */
export async function markUsed(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now);
}

/** Removes what has not been used for long, and returns how much of each kind. */
export async function pruneCache(cache: string, now: Date): Promise<void> {
  for (const [folder, days] of Object.entries(keepDays)) {
    const old: string[] = [];
    for (const path of await entriesIn(cache, folder)) {
      const idleMs = now.getTime() - ((await lastUsedMs(path)) ?? now.getTime());
      if (idleMs > days * dayMs) old.push(path);
    }
    for (const path of old) await rm(path, { recursive: true, force: true });
    if (old.length > 0) say(`cache: removed ${old.length} of ${folder} that nobody used for ${days} days`);
  }
}

async function entriesIn(cache: string, folder: string): Promise<string[]> {
  const entries = await entriesOf(join(cache, folder));
  // Downloads lie in one more level of folders, by the first byte of their hash.
  return folder === "content" ? (await Promise.all(entries.map(entriesOf))).flat() : entries;
}

/** Undefined when another process removed it meanwhile. */
async function lastUsedMs(path: string): Promise<number | undefined> {
  try {
    // Not the time of its content, which unpacking sets to that of a package: when the kernel last saw it touched.
    return (await stat(path)).ctimeMs;
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
