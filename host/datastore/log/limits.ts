/**
 * How large settings and the store may become.
 *
 * The figures fit together: the largest segment is a base of twice `settingsBytes` (all settings, and those of the last
 * good boot) with as much again in transactions, and two of them, the old and the new, are below 20 MiB.
 */
import { Failure } from "../../../lib/failure.ts";
import type { Json } from "../../../lib/text/json.ts";
import { settingsPerChange } from "../../../settings/document/limits.ts";

const MiB = 1024 * 1024;

/** Bottlerocket allows 255; quoted segments with escapes need more room. */
export const keyBytes = 1024;
/** A complete bundle of public CA certificates in base64 is about 300 KiB. */
export const valueBytes = MiB;
/** All settings together, keys included. */
export const settingsBytes = 2 * MiB;
/** A leaf is a scalar or a list of scalars; this leaves room. */
export const valueDepth = 16;

export const pendingTransactions = 256;
/** Of one owner. */
export const pendingTransactionsShare = 64;
export const changesPerTransaction = settingsPerChange;
/** What all pending transactions may hold; it is memory of the daemon. */
export const pendingBytes = 8 * MiB;
export const pendingBytesShare = 4 * MiB;
export const transactionNameBytes = 128;
/** A pending transaction that nobody touched for this long makes room when the limit is reached. */
export const abandonedAfterMs = 60 * 60 * 1000;

/** Commits that wait for the disk at the same time. */
export const waitingCommits = 1024;
/** A commit's message is cut to this length. */
export const messageLength = 500;

/** What the files of a store may take; tests make it small. */
export type StoreSize = {
  /** All segments; the oldest history goes first. */
  storeBytes: number;
  /** Transactions in a segment before the next one begins, or as many bytes as its base has when that is more. */
  segmentBytes: number;
  /** Files, hence inodes. */
  segments: number;
};

/**
 * 16 MiB of hourly one-line changes are about six years. A segment is checked and replayed line by line at every start,
 * so it is kept short; one damaged byte in the newest segment costs what follows it there.
 */
export const storeSize: StoreSize = { storeBytes: 16 * MiB, segmentBytes: 256 * 1024, segments: 256 };

/** The bytes that count towards the limits. */
export function sizeOf(key: string, value: Json): number {
  return Buffer.byteLength(key) + Buffer.byteLength(JSON.stringify(value));
}

/** @param would what would have so many, as a sentence begins. @throws {Failure<"too-many-changes">} */
export function checkCount(count: number, would: string): void {
  if (count <= changesPerTransaction) return;
  throw new Failure("too-many-changes", `${would} ${count} keys, at most ${changesPerTransaction} fit`);
}

/** @throws {Failure<"too-large">} */
export function checkKey(key: string): void {
  if (Buffer.byteLength(key) <= keyBytes) return;
  throw new Failure("too-large", `cannot stage ${key.slice(0, 80)}…: the key is longer than ${keyBytes} bytes`);
}

/**
 * A private copy of `value`, exactly as it reads back from the disk.
 *
 * @throws {Failure<"bad-value" | "too-large">}
 */
export function checkedValue(key: string, value: Json): Json {
  checkKey(key);
  const copy = copyOf(key, value, valueDepth);
  const bytes = sizeOf(key, copy);
  if (bytes > valueBytes) {
    throw new Failure("too-large", `cannot stage ${key}: its value takes ${bytes} bytes, at most ${valueBytes} fit`);
  }
  return copy;
}

function copyOf(key: string, value: Json, depth: number): Json {
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new Failure("bad-value", `cannot stage ${key}: ${value} is not a JSON number`);
    return value === 0 ? 0 : value; // JSON has no negative zero
  }
  if (typeof value !== "object" || value === null) return value;
  if (depth === 0) {
    throw new Failure("bad-value", `cannot stage ${key}: it is nested more than ${valueDepth} levels deep`);
  }
  if (Array.isArray(value)) return value.map((item) => copyOf(key, item, depth - 1));
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, copyOf(key, item, depth - 1)]));
}
