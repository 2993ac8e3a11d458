/**
 * Finds the newest state that the files of a store prove, whatever has happened to them.
 *
 * Of every segment the good beginning counts, up to the first line that is not what was written. Settings come from the
 * newest segment; when its base is damaged, from the one before, whose transactions lead to the same state. Damage
 * further back costs history only. Nothing is written here: damaged bytes stay where they are until their segment is
 * the oldest and makes room, and a crash while a store is opened changes nothing.
 */
import { createHash } from "node:crypto";
import { defined } from "../../../lib/defined.ts";
import { systemErrorCode } from "../../../lib/failure.ts";
import type { LogDisk } from "./disk.ts";
import { diskFailure } from "./disk-failure.ts";
import { readHead, readSegment, segmentName, segmentNumber, type Follows, type Head, type Segment } from "./segment.ts";
import { emptyState, type State } from "../state.ts";
import { shortestTransactionBytes } from "../transaction.ts";
import { describeState, describeTail } from "./damage.ts";

/** A segment whose history can be read. */
export type SegmentLink = {
  number: number;
  /** Only these count. */
  goodBytes: number;
  from: { version: number; at: Date };
  /** The state it begins with, when its own base is damaged. */
  base?: State;
};

export type Recovered = {
  state: State;
  /** Oldest first; versions that lie between two links are lost. */
  chain: SegmentLink[];
  /** What the next segment follows. */
  follows?: Follows;
  /** Segments from this number on are needed to know the state. */
  neededFrom: number;
  /** Bytes of every segment, readable or not. */
  files: Map<number, number>;
  /** Sentences for people. */
  repairs: string[];
};

type Loaded = { number: number; bytes: Buffer; segment: Segment };

/** @throws {Failure<"newer-format" | "disk-error">} */
export async function recover(disk: LogDisk): Promise<Recovered> {
  return new Recovery(disk, await segmentNumbers(disk)).run();
}

class Recovery {
  readonly #disk: LogDisk;
  /** Newest first. */
  readonly #numbers: readonly number[];
  readonly #files = new Map<number, number>();
  readonly #chain: SegmentLink[] = [];
  readonly #repairs: string[] = [];

  constructor(disk: LogDisk, numbers: readonly number[]) {
    this.#disk = disk;
    this.#numbers = numbers;
  }

  async run(): Promise<Recovered> {
    const newest = await this.#newest();
    const { state, follows, lowest } = this.#replay(newest);
    await this.#checkHistory(lowest);
    for (const number of this.#numbers) if (!this.#files.has(number)) await this.#read(number);
    return {
      state,
      chain: this.#chain,
      ...defined({ follows }),
      neededFrom: lowest?.number ?? Number.POSITIVE_INFINITY,
      files: this.#files,
      repairs: this.#repairs,
    };
  }

  /** Segments down to the newest one with a base of its own, oldest first. */
  async #newest(): Promise<Loaded[]> {
    const loaded: Loaded[] = [];
    for (let number = this.#numbers[0], head: Head | undefined; number !== undefined;) {
      let bytes = (await this.#read(number)) ?? Buffer.alloc(0);
      // A segment that ends before this one began is read only as far as this one follows it.
      if (head?.follows?.segment === number) bytes = bytes.subarray(0, head.follows.bytes);
      const segment = readSegment(bytes, segmentName(number));
      loaded.unshift({ number, bytes, segment });
      if (segment.isBaseIntact) break;
      ({ head } = segment);
      number = this.#before(number, head?.follows);
    }
    return loaded;
  }

  /** Goes through what was loaded, each segment from where the one before ends. */
  #replay(newest: readonly Loaded[]): { state: State; follows?: Follows; lowest?: Loaded } {
    let state = emptyState;
    let { nextVersion } = state;
    let follows: Follows | undefined;
    for (const { number, bytes, segment: alone } of newest) {
      const name = segmentName(number);
      const segment = alone.isBaseIntact ? alone : readSegment(bytes, name, state);
      const { goodBytes, base, isBaseIntact } = segment;
      // A number that was lost with its transaction must not come to stand for another one.
      nextVersion = Math.max(nextVersion, segment.head?.nextVersion ?? 0, segment.end?.nextVersion ?? 0);
      nextVersion += Math.floor((bytes.length - goodBytes) / shortestTransactionBytes);
      if (goodBytes === 0 || base === undefined) {
        this.#repairs.push(`${name}: none of its ${bytes.length} bytes can be read; they were left out`);
        continue;
      }
      if (!isBaseIntact) {
        this.#repairs.push(`${name}: its first lines are damaged; the segments before it told what they held`);
      }
      this.#repairs.push(...describeTail(name, bytes, goodBytes));
      state = segment.end ?? state;
      this.#chain.push({ number, goodBytes, from: startOf(base), ...(isBaseIntact ? {} : { base }) });
      // A damaged base must be looked at again next time, so no digest vouches for it.
      follows = { segment: number, bytes: goodBytes, sha256: isBaseIntact ? digest(bytes.subarray(0, goodBytes)) : "" };
    }
    if (this.#repairs.length > 0) this.#repairs.push(describeState(state));
    const [lowest] = newest;
    return {
      state: { ...state, nextVersion },
      ...defined({ follows, lowest }),
    };
  }

  /** Everything older than the state; damage there is reported, and costs nothing but history. */
  async #checkHistory(lowest: Loaded | undefined): Promise<void> {
    if (lowest === undefined) return;
    let follows = lowest.segment.head?.follows;
    let upper = lowest.segment.base?.version ?? 0;
    let number = follows === undefined ? undefined : this.#before(lowest.number, follows);
    while (number !== undefined) {
      const name = segmentName(number);
      if (follows !== undefined && follows.segment !== number) {
        this.#repairs.push(
          `${segmentName(follows.segment)} is missing; its history is lost, the settings are not affected`,
        );
        follows = undefined;
      }
      const bytes = ((await this.#read(number)) ?? Buffer.alloc(0)).subarray(0, follows?.bytes);
      const link = intactLink(number, bytes, follows) ?? damagedLink(number, bytes);
      if (link !== undefined) this.#chain.unshift(link);
      if (link === undefined || (follows !== undefined && link.goodBytes < follows.bytes)) {
        this.#repairs.push(
          `${name}: damaged at byte ${link?.goodBytes ?? 0}; history before version ${upper} is missing there, ` +
            "the settings are not affected",
        );
      }
      upper = link?.from.version ?? upper;
      const head = readHead(bytes, name);
      if (head !== undefined && head.follows === undefined) return;
      follows = head?.follows;
      number = this.#before(number, follows);
    }
  }

  /**
   * The segment that `follows` names, or the next older one when that is damaged or gone. Those between it and `number`
   * are left over from commits that failed.
   */
  #before(number: number, follows: Follows | undefined): number | undefined {
    return this.#numbers.find((candidate) => candidate < number && candidate <= (follows?.segment ?? candidate));
  }

  async #read(number: number): Promise<Buffer | undefined> {
    const name = segmentName(number);
    try {
      const bytes = await this.#disk.read(name);
      this.#files.set(number, bytes.length);
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    } catch (error) {
      // A bad sector is damage like any other; anything else is not the file's fault.
      if (systemErrorCode(error) !== "EIO") throw diskFailure("open the datastore", error);
      this.#files.set(number, 0);
      this.#repairs.push(`${name}: the disk cannot read it (EIO)`);
      return undefined;
    }
  }
}

/** A segment that has the digest that its follower recorded. */
function intactLink(number: number, bytes: Buffer, follows: Follows | undefined): SegmentLink | undefined {
  if (follows === undefined || bytes.length < follows.bytes || digest(bytes) !== follows.sha256) return undefined;
  const head = readHead(bytes, segmentName(number));
  return head === undefined ? undefined : { number, goodBytes: bytes.length, from: startOf(head) };
}

function damagedLink(number: number, bytes: Buffer): SegmentLink | undefined {
  const { base, goodBytes } = readSegment(bytes, segmentName(number));
  return base === undefined ? undefined : { number, goodBytes, from: startOf(base) };
}

function startOf({ version, at }: { version: number; at: Date }): SegmentLink["from"] {
  return { version, at };
}

async function segmentNumbers(disk: LogDisk): Promise<number[]> {
  try {
    const names = await disk.list();
    return names.flatMap((name) => segmentNumber(name) ?? []).toSorted((a, b) => b - a);
  } catch (error) {
    throw diskFailure("open the datastore", error);
  }
}

function digest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
