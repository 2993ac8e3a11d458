/**
 * The builder's cache: downloads by content, tools roots, intermediate results. It lies outside the clone, so that
 * several clones share it, and nothing in it is trusted: what comes out is checked against the lock again.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { isNotFound } from "../../lib/failure.ts";

/** `$ORLOP_CACHE`, or `~/.cache/orlop`. Not made here: who writes makes what it needs. */
export function cacheDirectory(): string {
  const chosen = process.env["ORLOP_CACHE"];
  return chosen === undefined || chosen === "" ? join(homedir(), ".cache", "orlop") : resolve(chosen);
}

/** Where a file with this SHA-256 is kept once it has been downloaded whole. */
export function contentPath(cache: string, sha256: string): string {
  return join(cache, "content", sha256.slice(0, 2), sha256);
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
