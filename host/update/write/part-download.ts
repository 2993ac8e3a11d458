/**
 * The content of an update's file, by one of the ways to it: fetched, counted, unpacked, and put together with what runs.
 *
 * Patches read the partitions that run as they are, not through dm-verity: it would panic at a block that is damaged,
 * which here only makes a patch useless.
 */
import { Failure, isFailure } from "../../../lib/failure.ts";
import { patchedFrames, type PatchSource } from "../../../lib/zstd/patch-frames.ts";
import { unpackedFrames } from "../../../lib/zstd/zstd-frames.ts";
import { parts, type UpdatePart } from "../../../repo/manifest.ts";
import type { Storage } from "../../machine/storage.ts";
import type { System } from "../../machine/system.ts";
import type { RunningParts } from "../boot/running-set.ts";
import type { UpdateMirror } from "../fetch/mirror.ts";
import { storedBytes, targetStream } from "../fetch/trusted-repository.ts";
import type { Way, Ways } from "../fetch/ways.ts";

/** What was fetched, and of how many patches. */
export type Fetched = { bytes: number; from?: string };

/** Faults of a way, or of what it is made from: another one may still lead to the file. */
const faultsOfWays = [
  "bad-archive",
  "bad-patch-source",
  "image-not-verified",
  "not-found",
  "target-not-as-signed",
  "too-large",
  "too-long",
  "too-small",
] as const;

export class PartDownloads {
  readonly #system: System;
  readonly #mirror: UpdateMirror;
  readonly #running: RunningParts | undefined;
  readonly #onProgress: (doneBytes: number, totalBytes: number) => void;
  readonly #signal: AbortSignal;
  /** Of the ways in use: what of them is there, and what they have. */
  #doneBytes = 0;
  #totalBytes = 0;
  readonly fetched: Fetched = { bytes: 0 };

  constructor(
    system: System,
    { mirror, running, ways }: { mirror: UpdateMirror; running: RunningParts | undefined; ways: Ways },
    onProgress: (doneBytes: number, totalBytes: number) => void,
    signal: AbortSignal,
  ) {
    this.#system = system;
    this.#mirror = mirror;
    this.#running = running;
    this.#onProgress = onProgress;
    this.#signal = signal;
    for (const part of parts) this.#totalBytes += ways[part][0].target.bytes;
  }

  /** So much of a way need not come. */
  leaveOut(bytes: number): void {
    this.#doneBytes += bytes;
  }

  /**
   * Tries one way after the other, until one leads to what `use` accepts.
   *
   * @throws what the last one ends with; at once when the mirror cannot be reached, or the signal aborts
   */
  async byAnyWay<T>(part: UpdatePart, ways: Ways, use: (way: Way) => Promise<T>): Promise<T> {
    const [first, ...larger] = ways[part];
    const doneBefore = this.#doneBytes;
    let way: Way = first;
    for (const next of larger) {
      try {
        return await this.#noted(way, use);
      } catch (error) {
        if (this.#signal.aborted || !isFailure(error, ...faultsOfWays)) throw error;
        this.#system.log.error(`update: cannot use ${way.target.name}; going on with ${next.target.name}`, error);
      }
      this.#doneBytes = doneBefore;
      this.#totalBytes += next.target.bytes - way.target.bytes;
      way = next;
    }
    return await this.#noted(way, use);
  }

  async #noted<T>(way: Way, use: (way: Way) => Promise<T>): Promise<T> {
    const result = await use(way);
    if (way.kind === "patch") this.fetched.from = way.from;
    return result;
  }

  /** All of it, held against its signature at the end. */
  content(part: UpdatePart, way: Way): AsyncGenerator<Uint8Array> {
    const chunks = targetStream(this.#system, this.#mirror, way.target, this.#signal);
    return this.#unpacked(part, way, this.#moving(this.#counted(chunks)));
  }

  /** From a frame on, which nothing vouches for. */
  contentFrom(part: UpdatePart, way: Way, packedOffset: number): AsyncGenerator<Uint8Array> {
    return this.#unpacked(part, way, this.#moving(this.stored(way, packedOffset)));
  }

  /** The beginning, to be read no further than it must, and no progress. */
  start(part: UpdatePart, way: Way): AsyncGenerator<Uint8Array> {
    return this.#unpacked(part, way, this.stored(way, 0));
  }

  /** Bytes of the target as they are, which nothing vouches for. */
  stored({ target }: Way, start: number): AsyncGenerator<Uint8Array> {
    return this.#counted(storedBytes(this.#system, this.#mirror, target, start, this.#signal));
  }

  async *#counted(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const bytes of chunks) {
      this.fetched.bytes += bytes.length;
      yield bytes;
    }
  }

  async *#moving(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const bytes of chunks) {
      this.#doneBytes += bytes.length;
      yield bytes;
      this.#onProgress(this.#doneBytes, this.#totalBytes);
    }
  }

  /** A target's name says whether it is compressed. */
  async *#unpacked(part: UpdatePart, way: Way, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const { name } = way.target;
    if (way.kind === "whole" && !name.endsWith(".zst")) {
      yield* chunks;
      return;
    }
    try {
      yield* way.kind === "patch" ? patchedFrames(chunks, this.#sourceOf(part)) : unpackedFrames(chunks);
    } catch (cause) {
      if (!isFailure(cause, "bad-archive")) throw cause;
      throw new Failure("bad-archive", `cannot unpack ${name}`, { cause });
    }
  }

  #sourceOf(part: UpdatePart): PatchSource {
    if (this.#running === undefined) throw new Error("bug: a patch, and nothing runs that it is for");
    return patchSource(this.#system.storage, this.#running[part]);
  }
}

function patchSource(storage: Storage, { path, bytes }: { path: string; bytes: number }): PatchSource {
  return {
    bytes,
    async read(offset, into) {
      const refuse = (cause?: unknown): Failure<"bad-patch-source"> =>
        new Failure("bad-patch-source", `cannot read ${into.length} bytes of ${path} from ${offset} on`, { cause });
      let read: number;
      try {
        read = await storage.readInto(path, offset, into);
      } catch (cause) {
        throw refuse(cause);
      }
      if (read < into.length) throw refuse();
    },
  };
}
