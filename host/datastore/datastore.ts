/**
 * The settings that someone set: who, when and what, as a log of transactions that survives power loss at any moment.
 *
 * What a person, user data or a generator set is here; defaults are code. How it lies on the disk stands in README.md.
 */
import { isDeepStrictEqual } from "node:util";
import type { Clock } from "../../lib/clock.ts";
import { Failure } from "../../lib/failure.ts";
import type { Json } from "../../lib/text/json.ts";
import { changesBetween, withStaged, type Change, type Staged, type Values } from "./change.ts";
import { CommitQueue, type PreparedCommit } from "./log/commit-queue.ts";
import type { LogDisk } from "./log/disk.ts";
import { History } from "./history.ts";
import { checkCount, checkedValue, messageLength, settingsBytes, storeSize, type StoreSize } from "./log/limits.ts";
import { TransactionLog } from "./log/log.ts";
import { checkedChanges, Staging } from "./staging.ts";
import { advance, type State } from "./state.ts";
import { markLine, transactionLine, type Author, type Transaction } from "./transaction.ts";
import { VersionWatch } from "./version-watch.ts";

export type { Change, Staged, Values } from "./change.ts";
export type { Author, Transaction } from "./transaction.ts";

export type Committed = { version: number; changed: string[] };

export type DatastoreOptions = {
  /** Recorded with every transaction. */
  image: string;
  clock: Pick<Clock, "now">;
  size?: StoreSize;
};

export class Datastore implements AsyncDisposable {
  readonly #log: TransactionLog;
  readonly #image: string;
  readonly #clock: Pick<Clock, "now">;
  readonly #staging: Staging;
  readonly #history: History;
  readonly #queue: CommitQueue;
  readonly #watch: VersionWatch;
  #state: State;

  private constructor(log: TransactionLog, state: State, disk: LogDisk, { image, clock }: DatastoreOptions) {
    this.#log = log;
    this.#image = image;
    this.#clock = clock;
    this.#state = state;
    this.#staging = new Staging(() => clock.now());
    this.#history = new History(disk, () => log.chain);
    this.#watch = new VersionWatch(state.version);
    this.#queue = new CommitQueue(
      state,
      (from, lines) => log.append(from, lines),
      (reached) => {
        this.#state = reached;
        this.#watch.reached(reached.version);
      },
    );
  }

  /**
   * Finds the newest state that the disk can prove; nothing is written. What had to be left out is in `repairs`.
   *
   * @throws {Failure<"newer-format" | "disk-error">} never because of damaged content
   */
  static async open(disk: LogDisk, options: DatastoreOptions): Promise<Datastore> {
    const { log, state } = await TransactionLog.open(disk, options.image, options.size ?? storeSize);
    return new Datastore(log, state, disk, options);
  }

  /** Of the committed settings; 0 before the first commit. */
  get version(): number {
    return this.#state.version;
  }

  /** Hash of the newest entry of the log, a commit or a mark: it stands for all before it too. */
  get head(): string {
    return this.#state.hash;
  }

  /** The committed settings. The map never changes: after a commit there is another one. */
  get values(): Values {
    return this.#state.values;
  }

  /** Sentences about damage that was found, and about errors of the disk since. */
  get repairs(): readonly string[] {
    return this.#log.repairs;
  }

  /**
   * Adds to a pending transaction, which begins to exist by that; `undefined` deletes. All of it, or none.
   *
   * @param owner whose share of pending transactions it counts to
   * @throws {Failure<"bad-transaction-name" | "bad-value" | "too-large" | "too-many-transactions" | "too-many-changes">}
   */
  stage(transaction: string, changes: Staged, owner?: string): void {
    this.#staging.stage(transaction, changes, owner);
  }

  pending(transaction: string): Staged | undefined {
    return this.#staging.get(transaction);
  }

  pendingNames(): string[] {
    return this.#staging.names();
  }

  /** Forgets a pending transaction; returns the keys that were staged in it. */
  drop(transaction: string): string[] {
    return this.#staging.drop(transaction);
  }

  /**
   * Makes pending changes current. They are durable when this resolves; when it rejects, they are pending again.
   *
   * What is staged already as current changes nothing and gets no version. What is staged meanwhile begins a new
   * transaction.
   *
   * @param around called with what is staged and with the write: it refuses by throwing, or commits by calling `write`
   * @throws {Failure<"nothing-pending" | "too-large" | "disk-full" | "disk-error" | "busy" | "closed">}
   */
  async commit(
    transaction: string,
    by: Author,
    message: string,
    around: (staged: Staged, write: () => Promise<Committed>) => Promise<Committed> = async (_, write) => await write(),
  ): Promise<Committed> {
    const withdrawn = this.#staging.withdraw(transaction);
    const staged = withdrawn.changes;
    const write = async (): Promise<Committed> =>
      await this.#change(by, message, (values) => changesBetween(values, withStaged(values, staged)));
    try {
      return await around(staged, write);
    } catch (error) {
      this.#staging.restore(transaction, withdrawn);
      throw error;
    }
  }

  /**
   * Makes changes current that were never staged; `undefined` deletes.
   *
   * @throws {Failure<"bad-value" | "too-large" | "too-many-changes" | "disk-full" | "disk-error" | "busy" | "closed">}
   */
  async change(changes: Staged, by: Author, message: string): Promise<Committed> {
    checkCount(changes.size, "cannot change settings: these are");
    const checked = checkedChanges(changes);
    return await this.#change(by, message, (values) => changesBetween(values, withStaged(values, checked)));
  }

  /**
   * Makes `values` current in one transaction, for undo, restore and revert.
   *
   * @throws {Failure<"bad-value" | "too-large" | "disk-full" | "disk-error" | "busy" | "closed">}
   */
  async replace(values: Values, by: Author, message: string): Promise<Committed> {
    const wanted = new Map([...values].map(([key, value]) => [key, checkedValue(key, value)]));
    return this.#change(by, message, (now) => changesBetween(now, wanted));
  }

  /** Committed transactions that are kept, those below version `before`; what is not asked for is not read. */
  newestFirst(before = Number.POSITIVE_INFINITY): AsyncIterable<Transaction> {
    return this.#history.backwards(before);
  }

  /** Committed transactions, newest first: all that are kept, or as many as `limit`; only those below version `before`. */
  async history(limit = Number.POSITIVE_INFINITY, before = Number.POSITIVE_INFINITY): Promise<Transaction[]> {
    const newest: Transaction[] = [];
    for await (const transaction of this.newestFirst(before)) {
      if (newest.length >= limit) break;
      newest.push(transaction);
    }
    return newest;
  }

  /** The newest that is as `isMeant` says; no more is read than it takes to find it. */
  async newestTransaction(isMeant: (transaction: Transaction) => boolean): Promise<Transaction | undefined> {
    for await (const transaction of this.newestFirst()) {
      if (isMeant(transaction)) return transaction;
    }
    return undefined;
  }

  /** @throws {Failure<"no-such-version">} */
  async transaction(version: number): Promise<Transaction> {
    const [match] = await this.history(1, version + 1);
    if (match?.version === version) return match;
    throw new Failure("no-such-version", `cannot find a transaction of version ${version} in the history`);
  }

  /** @throws {Failure<"no-such-version">} when there never was one, or its history is no longer kept */
  async valuesAt(version: number): Promise<Values> {
    const { goodBoot } = this.#state;
    if (version === this.version) return this.values;
    return version === goodBoot?.version ? goodBoot.values : this.#history.valuesAt(version);
  }

  /** The newest version committed at `time` or before. @throws {Failure<"no-such-version">} */
  async versionAt(time: Date): Promise<number> {
    return this.#history.versionAt(time);
  }

  /** Notes that the machine came up with the settings of now; `valuesAt` that version stays possible from then on. */
  async markGoodBoot(): Promise<void> {
    await this.#queue.add((state) => {
      const mark = { goodBoot: state.version, at: this.#clock.now(), image: this.#image };
      const { hash, bytes: line } = markLine(state.hash, mark);
      return { line, next: advance(state, [{ kind: "mark", mark, hash }]) };
    });
  }

  /**
   * Takes from the disk every value that keys had and have not now, with the history in which it stands: what changed then,
   * whatever key it was. Who did it, and why, is the first entry of what is left. The last good boot keeps its other settings.
   *
   * @param named what the keys are called together, for the history
   * @returns up to which version it is gone; undefined when nothing had to go
   * @throws {Failure<"disk-full" | "disk-error" | "busy" | "closed">} some of it may be gone then: ask again
   */
  async forget(
    named: string,
    isMeant: (key: string) => boolean,
    by: Author,
  ): Promise<{ upTo: number; version: number } | undefined> {
    let forgotten: { upTo: number; version: number } | undefined;
    await this.#queue.alone(async (state) => {
      const isFormer = (key: string, value: Json): boolean =>
        isMeant(key) && !isDeepStrictEqual(value, state.values.get(key));
      const newest = await this.#history.newestWith(isFormer);
      const inGoodBoot = [...(state.goodBoot?.values ?? [])].filter(([key, value]) => isFormer(key, value));
      if (newest === undefined && inGoodBoot.length === 0) return state;
      const base = withPresentInGoodBoot(
        state,
        inGoodBoot.map(([key]) => key),
      );
      const upTo = newest?.version ?? state.version;
      const message = `forget what ${named} was, and the history up to version ${upTo}`;
      const { line, next } = this.#prepare(base, by, message, []);
      await this.#log.appendAndForget(base, line, newest?.number ?? 0);
      forgotten = { upTo, version: next.version };
      return next;
    });
    return forgotten;
  }

  lastGoodBoot(): { version: number; at: Date } | undefined {
    const { goodBoot } = this.#state;
    return goodBoot === undefined ? undefined : { version: goodBoot.version, at: goodBoot.at };
  }

  /** Resolves with the newest version once it is above `version`; rejects with the signal's reason. */
  async changedSince(version: number, signal: AbortSignal): Promise<number> {
    return this.#watch.above(version, signal);
  }

  /** Finishes what was asked for before, then lets go of the disk. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#queue.close();
    this.#watch.close();
    await this.#log[Symbol.asyncDispose]();
  }

  async #change(by: Author, message: string, changesIn: (values: Values) => Change[]): Promise<Committed> {
    let changed: string[] = [];
    const { version } = await this.#queue.add((state) => {
      const changes = changesIn(state.values);
      changed = changes.map(({ key }) => key).toSorted();
      return changes.length === 0 ? undefined : this.#prepare(state, by, message, changes);
    });
    return { version, changed };
  }

  #prepare(state: State, by: Author, message: string, changes: Change[]): PreparedCommit {
    const draft = {
      version: state.nextVersion,
      at: this.#clock.now(),
      by,
      image: this.#image,
      message: message.length > messageLength ? `${message.slice(0, messageLength)}…` : message,
      changes,
    };
    const { hash, bytes: line } = transactionLine(state.hash, draft);
    const next = advance(state, [{ kind: "transaction", transaction: { ...draft, hash } }]);
    if (next.bytes > settingsBytes && next.bytes > state.bytes) {
      throw new Failure(
        "too-large",
        `cannot commit: all settings together would take ${next.bytes} bytes, at most ${settingsBytes} fit`,
      );
    }
    return { line, next };
  }
}

/** The last good boot with the values that keys have now. */
function withPresentInGoodBoot(state: State, keys: readonly string[]): State {
  const { goodBoot, values: now } = state;
  if (goodBoot === undefined || keys.length === 0) return state;
  const values = new Map(goodBoot.values);
  for (const key of keys) {
    const value = now.get(key);
    if (value === undefined) values.delete(key);
    else values.set(key, value);
  }
  return { ...state, goodBoot: { ...goodBoot, values } };
}
