/** Reads transactions and former settings back from the segments that are still there. */
import { Failure, isNotFound } from "../../lib/failure.ts";
import type { Json } from "../../lib/text/json.ts";
import type { Values } from "./change.ts";
import type { LogDisk } from "./log/disk.ts";
import { diskFailure } from "./log/disk-failure.ts";
import type { SegmentLink } from "./log/recovery.ts";
import { readSegment, segmentName } from "./log/segment.ts";
import { advance, type State } from "./state.ts";
import type { LogEntry, Transaction } from "./transaction.ts";

type Part = { base: State; entries: readonly LogEntry[] };

export class History {
  readonly #disk: LogDisk;
  readonly #chain: () => readonly SegmentLink[];

  /** `chain` is asked again each time, since segments come and go. */
  constructor(disk: LogDisk, chain: () => readonly SegmentLink[]) {
    this.#disk = disk;
    this.#chain = chain;
  }

  /** Newest first, those below version `before`; what is not asked for is not read. */
  async *backwards(before: number): AsyncGenerator<Transaction> {
    for (const link of this.#chain().toReversed()) {
      if (link.from.version + 1 >= before) continue;
      const part = await this.#read(link);
      if (part === undefined) continue;
      yield* transactionsOf(part.entries)
        .filter(({ version }) => version < before)
        .toReversed();
    }
  }

  /** The newest segment in which some key has a value that is meant, with the newest version in it. */
  async newestWith(
    isMeant: (key: string, value: Json) => boolean,
  ): Promise<{ number: number; version: number } | undefined> {
    for (const link of this.#chain().toReversed()) {
      const part = await this.#read(link);
      if (part === undefined) continue;
      const { base, entries } = part;
      const transactions = transactionsOf(entries);
      const changed = transactions.flatMap(({ changes }) =>
        changes.flatMap(({ key, before, after }) =>
          [before, after].flatMap((value) => (value === undefined ? [] : [[key, value] as const])),
        ),
      );
      const values = [...base.values, ...(base.goodBoot?.values ?? []), ...changed];
      if (values.some(([key, value]) => isMeant(key, value))) {
        return { number: link.number, version: transactions.at(-1)?.version ?? base.version };
      }
    }
    return undefined;
  }

  /** @throws {Failure<"no-such-version">} */
  async valuesAt(version: number): Promise<Values> {
    const link = this.#chain().findLast(({ from }) => from.version <= version);
    const part = link === undefined ? undefined : await this.#read(link);
    if (part === undefined) throw await this.#noSuchVersion(`version ${version}`);
    const end = part.entries.findLastIndex(
      (entry) => entry.kind === "transaction" && entry.transaction.version <= version,
    );
    const state = advance(part.base, part.entries.slice(0, end + 1));
    if (state.version !== version) throw await this.#noSuchVersion(`version ${version}`);
    return state.values;
  }

  /**
   * The newest version that was committed at `time` or before, by the clock of that moment.
   *
   * @throws {Failure<"no-such-version">}
   */
  async versionAt(time: Date): Promise<number> {
    for (const link of this.#chain().toReversed()) {
      const part = await this.#read(link);
      if (part === undefined) continue;
      const newest = transactionsOf(part.entries).findLast(({ at }) => at <= time);
      if (newest !== undefined) return newest.version;
      if (link.from.version > 0 && link.from.at <= time) return link.from.version;
    }
    throw await this.#noSuchVersion(time.toISOString());
  }

  async #read({ number, goodBytes, base: known }: SegmentLink): Promise<Part | undefined> {
    const name = segmentName(number);
    try {
      const file = await this.#disk.read(name);
      const bytes = Buffer.from(file.buffer, file.byteOffset, Math.min(file.length, goodBytes));
      const { base, entries } = readSegment(bytes, name, known);
      return base === undefined ? undefined : { base, entries };
    } catch (error) {
      if (isNotFound(error)) return undefined; // it made room for newer ones meanwhile
      throw diskFailure("read the history of settings", error);
    }
  }

  async #noSuchVersion(wanted: string): Promise<Failure<"no-such-version">> {
    const [oldest] = this.#chain();
    const reaches =
      oldest === undefined
        ? "no settings were ever committed"
        : `the history begins with version ${oldest.from.version}` +
          (oldest.from.version === 0 ? "" : ` of ${oldest.from.at.toISOString()}`);
    return new Failure("no-such-version", `cannot go back to ${wanted}: ${reaches} and has none for it`);
  }
}

function transactionsOf(entries: readonly LogEntry[]): Transaction[] {
  return entries.flatMap((entry) => (entry.kind === "transaction" ? entry.transaction : []));
}
