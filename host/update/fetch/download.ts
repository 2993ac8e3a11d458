/**
 * Reading a file from a mirror that may lie, stall, truncate, send too much or too slowly.
 *
 * The bytes are not trusted: whoever reads them checks hash and length. What is promised here is that reading ends,
 * that at most `maxBytes` are handed out, and that a connection that breaks is resumed where it broke (RFC 9110 §14).
 *
 * The mirror is judged by the time that it is waited for (`lib/files/server-wait.ts`).
 */
import { Failure, isFailure } from "../../../lib/failure.ts";
import { chunksOf } from "../../../lib/files/http-body.ts";
import { rangeHeaders, restAnswer } from "../../../lib/files/resumption.ts";
import { ServerWait, type Patience } from "../../../lib/files/server-wait.ts";
import type { System } from "../../machine/system.ts";

/** A connection that sends nothing for this long is given up. */
const stallMs = 30_000;
/** Slower than this over a whole window, a connection is given up as well: a mirror must not hold an update for days. */
const slowestBytesPerSecond = 1024;
const slownessWindowMs = 60_000;
/** Connections in a row that bring nothing, or next to nothing for the time they take. */
const fruitlessLimit = 5;
const firstBackoffMs = 500;
const longestBackoffMs = 30_000;

export type DownloadLimits = { maxBytes: number; signal: AbortSignal; stallMs?: number; slownessWindowMs?: number };

/**
 * The bytes of `url` from `start` on, in order, over as many connections as it takes.
 *
 * @param start when it is not 0, a server without ranges is refused rather than made to send everything
 * @throws {Failure<"not-found">} for 403 and 404
 * @throws {Failure<"no-ranges">}
 * @throws {Failure<"too-long">} when the file has more than `maxBytes`
 * @throws {Failure<"unreachable">} when `fruitlessLimit` connections in a row brought next to nothing
 */
export async function* download(
  system: System,
  url: URL,
  init: RequestInit,
  limits: DownloadLimits,
  start = 0,
): AsyncGenerator<Uint8Array> {
  let received = start;
  let total: number | undefined;
  for (let fruitless = 0; ;) {
    const before = received;
    const wait = new ServerWait(patienceOf(limits));
    const from = { offset: received, mayRepeat: start === 0 };
    try {
      for await (const chunk of connection(system, url, init, from, { wait, signal: limits.signal })) {
        if (chunk instanceof Uint8Array) {
          received += chunk.length;
          if (received > limits.maxBytes) throw tooLong(url, limits.maxBytes);
          yield chunk;
        } else {
          total = chunk.totalBytes;
          if (total !== undefined && total > limits.maxBytes) throw tooLong(url, limits.maxBytes);
        }
      }
      if (total === undefined || received >= total) return;
      throw new Failure("cut-off", `the connection ended after ${received} of ${total} bytes`);
    } catch (error) {
      limits.signal.throwIfAborted();
      if (isFailure(error, "not-found", "too-long", "no-ranges")) throw error;
      // A byte now and then is no progress: a mirror that sends one with each connection would never be given up.
      const seconds = (firstBackoffMs + wait.waitedMs) / 1000;
      fruitless = received - before >= slowestBytesPerSecond * seconds ? 0 : fruitless + 1;
      if (fruitless >= fruitlessLimit) {
        throw new Failure(
          "unreachable",
          `cannot download ${shown(url)}: ${fruitless} tries in a row brought next to nothing`,
          {
            cause: error,
          },
        );
      }
      await system.clock.sleep(Math.min(longestBackoffMs, firstBackoffMs * 2 ** fruitless), limits.signal);
    }
  }
}

function patienceOf({
  stallMs: silenceMs = stallMs,
  slownessWindowMs: windowMs = slownessWindowMs,
}: DownloadLimits): Patience {
  return { stallMs: silenceMs, slowest: { bytes: (slowestBytesPerSecond * windowMs) / 1000, waitedMs: windowMs } };
}

/** One connection: the size of the whole file first, where the server says it, then its bytes from `offset` on. */
async function* connection(
  system: System,
  url: URL,
  init: RequestInit,
  { offset, mayRepeat }: { offset: number; mayRepeat: boolean },
  { wait, signal }: { wait: ServerWait; signal: AbortSignal },
): AsyncGenerator<Uint8Array | { totalBytes: number | undefined }> {
  // Disposed of with the answer, however that ends: a server that stalls would keep the connection open.
  using stack = new DisposableStack();
  const over = stack.adopt(new AbortController(), (controller) => controller.abort());
  const headers = new Headers(init.headers);
  for (const [name, value] of Object.entries(rangeHeaders(offset))) headers.set(name, value);
  const untilOver = AbortSignal.any([signal, over.signal]);
  const response = await wait.next(system.fetch(url, { ...init, headers, signal: untilOver }));
  if (response.status === 403 || response.status === 404) {
    throw new Failure("not-found", `cannot download ${shown(url)}: the server answered ${response.status}`);
  }
  const answer = restAnswer(response, offset);
  if (offset > 0 && answer === "whole" && !mayRepeat) {
    throw new Failure("no-ranges", `cannot download the rest of ${shown(url)}: the server sends whole files only`);
  }
  if ((answer !== "rest" && answer !== "whole") || response.body === null) {
    throw new Failure("bad-answer", `the server answered ${response.status} for ${shown(url)}`);
  }
  yield { totalBytes: sizeOf(response) };
  let skip = answer === "rest" ? 0 : offset; // a server without ranges sends everything again
  for await (const bytes of chunksOf(response.body, wait)) {
    if (skip >= bytes.length) skip -= bytes.length;
    else {
      yield skip === 0 ? bytes : bytes.subarray(skip);
      skip = 0;
    }
  }
  signal.throwIfAborted(); // an aborted body may end instead of failing
}

/** The whole file as one buffer. @throws as `download` */
export async function downloadBytes(
  system: System,
  url: URL,
  init: RequestInit,
  limits: DownloadLimits,
): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of download(system, url, init, limits)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function tooLong(url: URL, maxBytes: number): Failure {
  return new Failure("too-long", `cannot download ${shown(url)}: it is longer than ${maxBytes} bytes`);
}

/** Without credentials and query. */
function shown(url: URL): string {
  return `${url.origin}${url.pathname}`;
}

function sizeOf(response: Response): number | undefined {
  const whole = /\/(\d+)$/.exec(response.headers.get("content-range") ?? "")?.[1];
  const length = response.status === 206 ? whole : response.headers.get("content-length");
  // A compressed body is longer than its content-length says.
  return length === undefined || length === null || response.headers.has("content-encoding")
    ? undefined
    : Number(length);
}
