/**
 * Downloads of files whose length and SHA-256 are known beforehand, into the cache.
 *
 * Transfers run side by side, go on where they stopped (HTTP Range, RFC 9110 §14) within a run and across runs, and
 * are tried again with growing pauses. A server that lies, stalls or sends too much costs a try, never a wrong file:
 * a file gets its final name only after its hash was checked.
 */
import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { machineClock } from "../../lib/clock.ts";
import { Failure, isFailure } from "../../lib/failure.ts";
import { chunksOf } from "../../lib/files/http-body.ts";
import { progress, type Progress } from "../../lib/progress.ts";
import { rangeHeaders, restAnswer } from "../../lib/files/resumption.ts";
import { contentPath, isIntact, markUsed } from "./cache.ts";
import { PartialFile } from "./partial-file.ts";

export type RemoteFile = { url: string; sha256: string; bytes: number };

export type DownloadOptions = {
  cache: string;
  /** What is going on, for the progress bar. */
  label: string;
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
export async function download(files: readonly RemoteFile[], options: DownloadOptions): Promise<Map<string, string>> {
  const { cache, label, parallel = 6, stallMs = 30_000, tries = 6, backoffMs = 500 } = options;
  const paths = new Map(files.map(({ sha256 }) => [sha256, contentPath(cache, sha256)]));
  const unique = [...new Map(files.map((file) => [file.sha256, file])).values()];
  const missing: RemoteFile[] = [];
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
    label,
    missing.reduce((sum, { bytes }) => sum + bytes, 0),
  );
  const queue = missing.toSorted((a, b) => b.bytes - a.bytes);
  const worker = async (): Promise<void> => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      await downloadFile(file, contentPath(cache, file.sha256), bar, { stallMs, tries, backoffMs, signal });
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

async function downloadFile(file: RemoteFile, path: string, bar: Progress, limits: Limits): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await using partial = await PartialFile.open(path);
  let last: unknown;
  let lies = 0;
  let failures = 0;
  for (; failures < limits.tries && lies < maxLies; failures++) {
    const pauseMs = failures === 0 ? 0 : Math.min(limits.backoffMs * 2 ** (failures - 1), maxBackoffMs);
    await machineClock.sleep(pauseMs, limits.signal);
    try {
      await transfer(file, partial, bar, limits);
      await partial.finish(path);
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
async function transfer(file: RemoteFile, partial: PartialFile, bar: Progress, limits: Limits): Promise<void> {
  const hash = await hashOf(partial);
  let have = await partial.bytes();
  if (have >= file.bytes) {
    // Whole already, when its process ended before it could give it its name; otherwise the rest of something else.
    if (have === file.bytes && hash.copy().digest("hex") === file.sha256) return bar.advance(have);
    await partial.empty();
    have = 0;
  }
  const ended = new AbortController();
  try {
    const { body, skip } = await answerFrom(file, partial, have, ended, limits);
    bar.detail(basename(new URL(file.url).pathname));
    await receive(file, { partial, have, hash: have === 0 ? createHash("sha256") : hash, body, skip }, bar, limits);
  } finally {
    ended.abort(); // a body that nobody reads holds its connection
  }
}

/** What the server sends after `have` bytes, and how much of it is there already. */
async function answerFrom(
  file: RemoteFile,
  partial: PartialFile,
  have: number,
  ended: AbortController,
  { signal, stallMs }: Limits,
): Promise<{ body: ReadableStream<Uint8Array>; skip: number }> {
  const shown = withoutCredentials(file.url);
  const silence = new Failure("stalled", `cannot download ${shown}: nothing came for ${stallMs} ms`);
  const timer = setTimeout(() => ended.abort(silence), stallMs);
  try {
    const response = await fetch(file.url, {
      headers: { "accept-encoding": "identity", ...rangeHeaders(have) },
      signal: AbortSignal.any([signal, ended.signal]),
    });
    const body = response.body ?? new Blob([]).stream();
    if (response.status === 404 || response.status === 410) {
      throw new Failure("not-on-mirror", `cannot download ${shown}: the mirror answered ${response.status}`, {
        hint: "the archive keeps only current versions; move the lock with `./orlop build --update-lock`",
      });
    }
    switch (restAnswer(response, have)) {
      case "rest":
        return { body, skip: 0 };
      case "whole":
        return { body, skip: have };
      case "elsewhere":
        await partial.empty();
        throw new Failure("http-status", `cannot download ${shown}: the server has no bytes from ${have} on`);
      case "refused":
        throw new Failure("http-status", `cannot download ${shown}: the server answered ${response.status}`);
    }
  } finally {
    clearTimeout(timer);
  }
}

type Receiving = {
  partial: PartialFile;
  have: number;
  /** Of the bytes that are there. */
  hash: Hash;
  body: ReadableStream<Uint8Array>;
  /** Bytes that come again. */
  skip: number;
};

async function receive(
  file: RemoteFile,
  { partial, have, hash, body, skip }: Receiving,
  bar: Progress,
  { signal, stallMs }: Limits,
): Promise<void> {
  let advanced = have - skip;
  bar.advance(advanced);
  let received = have - skip;
  try {
    for await (const chunk of chunksOf(body, { stallMs })) {
      const fresh = chunk.subarray(Math.max(0, have - received));
      received += chunk.length;
      bar.advance(chunk.length);
      advanced += chunk.length;
      if (received > file.bytes) break;
      hash.update(fresh);
      await partial.append(fresh);
    }
    signal.throwIfAborted(); // an aborted body may end instead of failing
    await checkReceived(file, received, hash, partial);
  } catch (error) {
    bar.advance(-advanced);
    throw error;
  }
}

async function checkReceived(file: RemoteFile, received: number, hash: Hash, partial: PartialFile): Promise<void> {
  const shown = withoutCredentials(file.url);
  if (received < file.bytes) {
    throw new Failure("truncated", `cannot download ${shown}: it ended after ${received} of ${file.bytes} bytes`);
  }
  const sha256 = hash.digest("hex");
  if (received === file.bytes && sha256 === file.sha256) return;
  await partial.empty();
  throw received > file.bytes
    ? new Failure("length-mismatch", `cannot download ${shown}: it is longer than the expected ${file.bytes} bytes`)
    : new Failure("hash-mismatch", `cannot download ${shown}: its SHA-256 is ${sha256}, expected ${file.sha256}`);
}

async function hashOf({ path }: PartialFile): Promise<Hash> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Uint8Array);
  return hash;
}

function withoutCredentials(text: string): string {
  const url = new URL(text);
  url.username = "";
  url.password = "";
  return url.href;
}
