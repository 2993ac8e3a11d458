/** Settings that were sent but not committed. They live in memory only: a restart drops them, as a boot always did. */
import { Failure } from "../../lib/failure.ts";
import type { Json } from "../../lib/text/json.ts";
import type { Staged } from "./change.ts";
import * as limits from "./log/limits.ts";

type Pending = {
  changes: Map<string, Json | undefined>;
  bytes: number;
  touchedMs: number;
  /** With whom it shares what there is; undefined for the host itself. */
  owner: string | undefined;
};

/** What is to be committed, with whose it is when it comes back. */
export type Withdrawn = Readonly<Pick<Pending, "changes" | "owner">>;

export class Staging {
  readonly #pending = new Map<string, Pending>();
  readonly #now: () => Date;

  constructor(now: () => Date) {
    this.#now = now;
  }

  /**
   * Adds to a transaction, all of `changes` or none. An owner that has its share loses what it touched longest ago.
   *
   * @throws {Failure<"bad-transaction-name" | "bad-value" | "too-large" | "too-many-transactions" | "too-many-changes">}
   */
  stage(name: string, changes: Staged, owner?: string): void {
    if (name === "" || Buffer.byteLength(name) > limits.transactionNameBytes) {
      throw new Failure(
        "bad-transaction-name",
        `cannot stage settings: a transaction's name has 1 to ${limits.transactionNameBytes} bytes, ` +
          `this one ${Buffer.byteLength(name)}`,
      );
    }
    this.#put(name, new Map([...(this.#pending.get(name)?.changes ?? []), ...checkedChanges(changes)]), owner);
  }

  get(name: string): Staged | undefined {
    return this.#pending.get(name)?.changes;
  }

  names(): string[] {
    return [...this.#pending.keys()].toSorted();
  }

  /** Forgets a transaction; returns the keys that were staged in it, sorted. */
  drop(name: string): string[] {
    const dropped = this.#pending.get(name);
    this.#pending.delete(name);
    return [...(dropped?.changes.keys() ?? [])].toSorted();
  }

  /** Takes a transaction out, to commit it. @throws {Failure<"nothing-pending">} */
  withdraw(name: string): Withdrawn {
    const pending = this.#pending.get(name);
    if (pending === undefined || pending.changes.size === 0) {
      throw new Failure("nothing-pending", `cannot commit transaction ${name}: nothing is staged in it`);
    }
    this.#pending.delete(name);
    return pending;
  }

  /** Puts back what could not be committed; what was staged meanwhile stays on top. */
  restore(name: string, withdrawn: Withdrawn): void {
    const { changes, owner } = this.#pending.get(name) ?? { changes: [], owner: withdrawn.owner };
    const merged = new Map([...withdrawn.changes, ...changes]);
    this.#pending.set(name, { changes: merged, bytes: bytesOf(merged), touchedMs: this.#now().getTime(), owner });
  }

  #put(name: string, changes: Map<string, Json | undefined>, owner: string | undefined): void {
    limits.checkCount(changes.size, `cannot stage settings: transaction ${name} would hold`);
    const bytes = bytesOf(changes);
    if (owner !== undefined) this.#keepToShare(owner, name, bytes);
    if (!this.#hasRoom(name, bytes)) this.#dropAbandoned();
    if (!this.#hasRoom(name, bytes)) {
      throw new Failure(
        "too-many-transactions",
        `cannot stage settings: ${this.#pending.size} transactions are pending, at most ` +
          `${limits.pendingTransactions} and ${limits.pendingBytes} bytes fit`,
        { hint: "commit or drop one: GET /tx/list names them" },
      );
    }
    this.#pending.set(name, { changes, bytes, touchedMs: this.#now().getTime(), owner });
  }

  /** Nobody who leaves transactions behind keeps others from staging theirs. */
  #keepToShare(owner: string, name: string, bytes: number): void {
    const owned = [...this.#pending]
      .filter(([each, pending]) => each !== name && pending.owner === owner)
      .toSorted(([, a], [, b]) => a.touchedMs - b.touchedMs);
    let left = owned.reduce((sum, [, pending]) => sum + pending.bytes, bytes);
    for (const [at, [oldest, pending]] of owned.entries()) {
      if (owned.length - at < limits.pendingTransactionsShare && left <= limits.pendingBytesShare) return;
      this.#pending.delete(oldest);
      left -= pending.bytes;
    }
  }

  #hasRoom(name: string, bytes: number): boolean {
    const rest = [...this.#pending].filter(([pendingName]) => pendingName !== name);
    const usedBytes = rest.reduce((sum, [, pending]) => sum + pending.bytes, 0);
    return rest.length < limits.pendingTransactions && usedBytes + bytes <= limits.pendingBytes;
  }

  #dropAbandoned(): void {
    const before = this.#now().getTime() - limits.abandonedAfterMs;
    for (const [name, { touchedMs }] of this.#pending) if (touchedMs < before) this.#pending.delete(name);
  }
}

/** Copies, as they come back from the disk. @throws {Failure<"bad-value" | "too-large">} */
export function checkedChanges(changes: Staged): Map<string, Json | undefined> {
  const checked = new Map<string, Json | undefined>();
  for (const [key, value] of changes) {
    limits.checkKey(key);
    checked.set(key, value === undefined ? undefined : limits.checkedValue(key, value));
  }
  return checked;
}

function bytesOf(changes: Staged): number {
  let bytes = 0;
  for (const [key, value] of changes) bytes += limits.sizeOf(key, value ?? null);
  return bytes;
}
