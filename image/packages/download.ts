/**
 * Downloads of files whose length and SHA-256 are known beforehand, into the cache.
 *
 * Transfers run side by side, go on where they stopped (HTTP Range, RFC 9110 §14) within a run and across runs, and
 * are tried again with growing pauses. A server that lies, stalls or sends too much costs a try, never a wrong file:
 * a file gets its final name only after its hash was checked.
 */
import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, mkdir, open, rename } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { Failure, isFailure } from "../../lib/failure.ts";
import { progress, type Progress } from "../../lib/progress.ts";
import { contentPath, isIntact, markUsed } from "./cache.ts";
import { adoptPartial } from "./partial-file.ts";

export type Wanted = { url: string; sha256: string; bytes: number };

export type DownloadOptions = {
  cache: string;
  /** What is going on, for the progress bar. */
  says: string;
  signal?: AbortSignal;
  /** Transfers at a time. */
  parallel?: number;
  /** A connection that brings nothing for so long is given up. */
  stallMs?: number;
  tries?: number;
  /** The pause after the first failed try; it doubles with each further one. */
  backoffMs?: number;
};

type Limits = { stallMs: number; tries: number; backoffMs: number; signal: AbortSignal };

const maxBackoffMs = 15_000;

/** Wrong content once may be an accident on the way; twice it will stay wrong. */
const maxLies = 2;

/**
 * Makes sure that every file is in the cache; the paths come back by SHA-256.
 *
 * @throws {Failure<"not-on-mirror">} when the server says that there is no such file
 * @throws {Failure<"download">} when all tries are used up; `cause` is the last one's failure
 */
export async function download(files: readonly Wanted[], options: DownloadOptions): Promise<Map<string, string>> {
  const { cache, says, parallel = 6, stallMs = 30_000, tries = 6, backoffMs = 500 } = options;
  const paths = new Map(files.map(({ sha256 }) => [sha256, contentPath(cache, sha256)]));
  const unique = [...new Map(files.map((file) => [file.sha256, file])).values()];
  const missing: Wanted[] = [];
  for (const file of unique) {
    options.signal?.throwIfAborted();
    const path = contentPath(cache, file.sha256);
    if (await isIntact(path, file)) await markUsed(path);
    else missing.push(file);
  }
  if (missing.length === 0) return paths;

  // The first failure stops the other transfers.
  const failed = new AbortController();
  const signal = options.signal === undefined ? failed.signal : AbortSignal.any([options.signal, failed.signal]);
  using bar = progress(
    says,
    missing.reduce((sum, { bytes }) => sum + bytes, 0),
  );
  const queue = missing.toSorted((a, b) => b.bytes - a.bytes);
  const worker = async (): Promise<void> => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      await downloadOne(file, contentPath(cache, file.sha256), bar, { stallMs, tries, backoffMs, signal });
    }
  };
  const workers = Array.from({ length: Math.min(parallel, missing.length) }, () =>
    worker().catch((error: unknown) => {
      failed.abort(error);
      throw error;
    }),
  );
  const results = await Promise.allSettled(workers);
  options.signal?.throwIfAborted();
  if (results.some(({ status }) => status === "rejected")) throw failed.signal.reason;
  return paths;
}

async function downloadOne(file: Wanted, path: string, bar: Progress, limits: Limits): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const partial = await adoptPartial(path);
  let last: unknown;
  let lies = 0;
  let failures = 0;
  for (; failures < limits.tries && lies < maxLies; failures++) {
    if (failures > 0) await pause(Math.min(limits.backoffMs * 2 ** (failures - 1), maxBackoffMs), limits.signal);
    limits.signal.throwIfAborted();
    try {
      await transfer(file, partial, bar, limits);
      await rename(partial, path);
      return;
    } catch (error) {
      limits.signal.throwIfAborted();
      if (isFailure(error, "not-on-mirror")) throw error;
      if (isFailure(error, "hash-mismatch", "length-mismatch")) lies++;
      last = error;
    }
  }
  const shown = withoutCredentials(file.url);
  const hint =
    lies > 0
      ? "the mirror or something on the way to it changes files; choose another one with --mirror"
      : "the part that arrived is kept; run the same command again to go on, or choose another mirror with --mirror";
  throw new Failure("download", `cannot download ${shown}: ${failures} tries failed`, { hint, cause: last });
}

/** One try: continues `partial`, and leaves it whole and checked, or as far as it came. */
async function transfer(file: Wanted, partial: string, bar: Progress, { signal, stallMs }: Limits): Promise<void> {
  await using handle = await open(partial, "a+");
  let have = (await handle.stat()).size;
  if (have >= file.bytes) {
    // A whole file with the right hash was renamed; this is the rest of something else.
    await handle.truncate(0);
    have = 0;
  }
  const hash = createHash("sha256");
  const stalled = new AbortController();
  const timer = setTimeout(() => stalled.abort(stallFailure(file, stallMs)), stallMs);
  try {
    const response = await fetch(file.url, {
      headers: { "accept-encoding": "identity", ...(have > 0 ? { range: `bytes=${have}-` } : {}) },
      signal: AbortSignal.any([signal, stalled.signal]),
    });
    have = await startingOffset(file, response, have, handle);
    if (have > 0) await hashOf(partial, hash);
    bar.detail(basename(new URL(file.url).pathname));
    bar.advance(have);
    let received = have;
    try {
      for await (const chunk of response.body ?? []) {
        timer.refresh();
        received += chunk.byteLength;
        bar.advance(chunk.byteLength);
        if (received > file.bytes) break;
        hash.update(chunk);
        await handle.appendFile(chunk);
      }
      await checkReceived(file, received, hash, handle);
    } catch (error) {
      bar.advance(-received);
      throw error;
    }
  } finally {
    clearTimeout(timer);
  }
}

/** How much of what we have the response continues; what it does not continue is dropped. */
async function startingOffset(file: Wanted, response: Response, have: number, handle: FileHandle): Promise<number> {
  const shown = withoutCredentials(file.url);
  if (response.status === 404 || response.status === 410) {
    throw new Failure("not-on-mirror", `cannot download ${shown}: the mirror answered ${response.status}`, {
      hint: "the archive keeps only current versions; move the lock with `./orlop build --update-lock`",
    });
  }
  if (response.status === 206 && response.headers.get("content-range")?.startsWith(`bytes ${have}-`) === true) {
    return have;
  }
  await handle.truncate(0);
  if (response.status !== 200) {
    throw new Failure("http-status", `cannot download ${shown}: the server answered ${response.status}`);
  }
  return 0;
}

async function checkReceived(file: Wanted, received: number, hash: Hash, handle: FileHandle): Promise<void> {
  const shown = withoutCredentials(file.url);
  if (received < file.bytes) {
    throw new Failure("truncated", `cannot download ${shown}: it ended after ${received} of ${file.bytes} bytes`);
  }
  const sha256 = hash.digest("hex");
  if (received === file.bytes && sha256 === file.sha256) return;
  await handle.truncate(0);
  throw received > file.bytes
    ? new Failure("length-mismatch", `cannot download ${shown}: it is longer than the expected ${file.bytes} bytes`)
    : new Failure("hash-mismatch", `cannot download ${shown}: its SHA-256 is ${sha256}, expected ${file.sha256}`);
}

async function hashOf(path: string, hash: Hash): Promise<void> {
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Uint8Array);
}

function stallFailure(file: Wanted, stallMs: number): Failure {
  return new Failure("stalled", `cannot download ${withoutCredentials(file.url)}: nothing came for ${stallMs} ms`);
}

function withoutCredentials(text: string): string {
  const url = new URL(text);
  url.username = "";
  url.password = "";
  return url.href;
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
    if (signal.aborted) done();
  });
}
