/** The settings at one version, and how the entries of the log lead from one version to the next. */
import { defined } from "../../lib/defined.ts";
import type { Json } from "../../lib/text/json.ts";
import type { Values } from "./change.ts";
import { sizeOf } from "./log/limits.ts";
import { genesisHash } from "./log/line.ts";
import type { LogEntry } from "./transaction.ts";

export type State = {
  /** 0 before the first transaction. */
  version: number;
  /** When that version was committed. */
  at: Date;
  /** Above every version that was ever acknowledged, those lost to damage too. */
  nextVersion: number;
  /** Of the newest entry; the next one follows it. */
  hash: string;
  values: Values;
  /** What the values count towards `settingsBytes`. */
  bytes: number;
  goodBoot?: GoodBoot;
};

/** The settings are kept with it, so that a flood of transactions cannot push them out of the history. */
export type GoodBoot = { version: number; at: Date; values: Values };

export const emptyState: State = {
  version: 0,
  at: new Date(0),
  nextVersion: 1,
  hash: genesisHash,
  values: new Map(),
  bytes: 0,
};

/** The state after `entries`, which follow `state`. */
export function advance(state: State, entries: readonly LogEntry[]): State {
  if (entries.length === 0) return state;
  const values = new Map(state.values);
  let { version, at, nextVersion, hash, bytes, goodBoot } = state;
  for (const entry of entries) {
    if (entry.kind === "mark") {
      ({ hash } = entry);
      goodBoot = { version, at: entry.mark.at, values: new Map(values) };
      continue;
    }
    ({ version, at, hash } = entry.transaction);
    nextVersion = Math.max(nextVersion, version + 1);
    for (const { key, after } of entry.transaction.changes) bytes += put(values, key, after);
  }
  return { version, at, nextVersion, hash, values, bytes, ...defined({ goodBoot }) };
}

export function totalSize(values: Values): number {
  let bytes = 0;
  for (const [key, value] of values) bytes += sizeOf(key, value);
  return bytes;
}

/** Returns by how much the size changed. */
function put(values: Map<string, Json>, key: string, after: Json | undefined): number {
  const before = values.get(key);
  if (after === undefined) values.delete(key);
  else values.set(key, after);
  return (after === undefined ? 0 : sizeOf(key, after)) - (before === undefined ? 0 : sizeOf(key, before));
}
