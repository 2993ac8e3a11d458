/**
 * The log of transactions on a disk: what is appended is durable when `append` resolves.
 *
 * A process appends only to a segment that it made itself. Whatever an earlier process left unfinished, and whatever a
 * failed write or sync left behind, is never written to again: Linux forgets the pages that a failed fsync(2) could not
 * write, so nothing appended behind them could be trusted. The next segment begins with all settings instead.
 */
import { createHash, type Hash } from "node:crypto";
import { defined } from "../../../lib/defined.ts";
import { Failure, isNotFound, systemErrorCode } from "../../../lib/failure.ts";
import type { LogDisk, DiskFile } from "./disk.ts";
import { diskFailure, isFull } from "./disk-failure.ts";
import type { StoreSize } from "./limits.ts";
import { recover, type SegmentLink, type Recovered } from "./recovery.ts";
import { segmentName, unfinishedName, writeBase, type Follows } from "./segment.ts";
import type { State } from "../state.ts";

/** The segment that this process appends to. */
type Current = { link: SegmentLink; file: DiskFile; baseBytes: number; sha256: Hash };

const repairsKept = 100;

export class TransactionLog implements AsyncDisposable {
  readonly #disk: LogDisk;
  readonly #image: string;
  readonly #size: StoreSize;
  readonly #files: Map<number, number>;
  readonly #chain: SegmentLink[];
  readonly #repairs: string[];
  #neededFrom: number;
  #nextNumber: number;
  #follows: Follows | undefined;
  #current: Current | undefined;

  private constructor(disk: LogDisk, image: string, size: StoreSize, recovered: Recovered) {
    this.#disk = disk;
    this.#image = image;
    this.#size = size;
    this.#files = recovered.files;
    this.#chain = recovered.chain;
    this.#repairs = recovered.repairs;
    this.#neededFrom = recovered.neededFrom;
    this.#nextNumber = Math.max(0, ...recovered.files.keys()) + 1;
    this.#follows = recovered.follows;
  }

  /**
   * Reads, and changes nothing. What it returns is durable: a process that was killed may have written it and not yet
   * synced it.
   *
   * @throws {Failure<"newer-format" | "disk-error">} never for damaged content: see `repairs`
   */
  static async open(disk: LogDisk, image: string, size: StoreSize): Promise<{ log: TransactionLog; state: State }> {
    const recovered = await recover(disk);
    const log = new TransactionLog(disk, image, size, recovered);
    if (recovered.files.size > 0) await log.#syncNewest(Math.max(...recovered.files.keys()));
    return { log, state: recovered.state };
  }

  async #syncNewest(number: number): Promise<void> {
    await this.#tolerate("sync", async () => {
      await this.#disk.sync(segmentName(number));
      await this.#disk.syncNames();
    });
  }

  /** What was found damaged, and errors of the disk that were got round since. */
  get repairs(): readonly string[] {
    return this.#repairs;
  }

  /** Segments whose history can be read, oldest first. */
  get chain(): readonly SegmentLink[] {
    return this.#chain;
  }

  /**
   * Appends whole lines, of which the first follows `state`.
   *
   * @throws {Failure<"disk-full" | "disk-error">} nothing counts as appended then; should the machine stop before the
   * next append succeeds, the lines may still be there afterwards: the disk took them and failed to say so
   */
  async append(state: State, lines: Buffer): Promise<void> {
    if (this.#current !== undefined && this.#fits(this.#current, lines)) {
      if (await this.#appendTo(this.#current, lines)) return;
    }
    await this.#leave();
    await this.#begin(state, lines);
  }

  /**
   * The same in a segment of their own, whose base is `state`; then the segments up to `number` go, which nothing needs any
   * more.
   *
   * @throws {Failure<"disk-full" | "disk-error">} some of them may be gone then
   */
  async appendAndForget(state: State, lines: Buffer, number: number): Promise<void> {
    await this.#leave();
    await this.#begin(state, lines);
    while (Math.min(...this.#files.keys()) <= number) {
      if (await this.#forgetOldest()) continue;
      throw new Failure(
        "disk-error",
        `cannot forget: the disk did not remove ${segmentName(Math.min(...this.#files.keys()))}`,
      );
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#leave();
  }

  #fits({ link, baseBytes }: Current, lines: Buffer): boolean {
    return link.goodBytes - baseBytes + lines.length <= Math.max(this.#size.segmentBytes, baseBytes);
  }

  /** False when the disk refused; the segment is then not to be used again. */
  async #appendTo({ link, file, sha256 }: Current, lines: Buffer): Promise<boolean> {
    try {
      await file.append(lines);
      await file.sync();
    } catch (error) {
      const code = systemErrorCode(error);
      if (code === undefined) throw error;
      this.#files.set(link.number, link.goodBytes + lines.length);
      this.#note(`${segmentName(link.number)}: the disk answered ${code} to a write; the next segment was begun`);
      return false;
    }
    link.goodBytes += lines.length;
    sha256.update(lines);
    this.#files.set(link.number, link.goodBytes);
    return true;
  }

  /** Ends the current segment; the next one follows what is good of it. */
  async #leave(): Promise<void> {
    if (this.#current === undefined) return;
    const { link, file, sha256 } = this.#current;
    this.#current = undefined;
    this.#follows = { segment: link.number, bytes: link.goodBytes, sha256: sha256.digest("hex") };
    await this.#tolerate("close", async () => file[Symbol.asyncDispose]());
  }

  /** A new segment: all settings at `state`, and the lines that follow it. */
  async #begin(state: State, lines: Buffer): Promise<void> {
    const number = this.#nextNumber++;
    const { version, at, nextVersion, hash } = state;
    const follows = this.#follows;
    const head = {
      segment: number,
      version,
      at,
      nextVersion,
      hash,
      image: this.#image,
      ...defined({ follows }),
    };
    const base = writeBase(head, state);
    const data = Buffer.concat([base, lines]);
    await this.#makeRoom(data.length);
    const file = await this.#write(number, data);
    const link: SegmentLink = { number, goodBytes: data.length, from: { version, at } };
    this.#current = { link, file, baseBytes: base.length, sha256: createHash("sha256").update(data) };
    this.#chain.push(link);
    this.#files.set(number, data.length);
    this.#neededFrom = number;
  }

  /** Gives up history rather than refuse a commit when the disk is full. */
  async #write(number: number, data: Buffer): Promise<DiskFile> {
    for (;;) {
      try {
        return await this.#create(number, data);
      } catch (error) {
        if (systemErrorCode(error) === undefined) throw error;
        if (!isFull(error) || !(await this.#forgetOldest())) throw diskFailure("commit", error);
      }
    }
  }

  /** The name appears when the content is durable, and only then. */
  async #create(number: number, data: Buffer): Promise<DiskFile> {
    let file: DiskFile | undefined;
    let name = unfinishedName;
    try {
      file = await this.#disk.create(unfinishedName);
      await file.append(data);
      await file.sync();
      await this.#disk.rename(unfinishedName, segmentName(number));
      name = segmentName(number);
      await this.#disk.syncNames();
      return file;
    } catch (error) {
      const opened = file;
      if (opened !== undefined) await this.#tolerate("close", async () => opened[Symbol.asyncDispose]());
      const gone = await this.#tolerate("remove", async () => this.#disk.remove(name));
      // What stays behind must be the first to make room: nothing that is older than a missing segment may be left.
      if (!gone && name !== unfinishedName) this.#files.set(number, data.length);
      throw error;
    }
  }

  async #makeRoom(bytes: number): Promise<void> {
    const { storeBytes, segmentBytes, segments } = this.#size;
    const usedBytes = (): number => [...this.#files.values()].reduce((sum, file) => sum + file, 0);
    while (usedBytes() + bytes + segmentBytes > storeBytes || this.#files.size + 1 > segments) {
      if (!(await this.#forgetOldest())) return;
    }
  }

  /** False when there is nothing left that the state can do without. One at a time, so that no gap can appear. */
  async #forgetOldest(): Promise<boolean> {
    const number = Math.min(...this.#files.keys());
    if (number >= this.#neededFrom) return false;
    const gone = await this.#tolerate("remove", async () => {
      // An earlier process may have ended before the names of newer segments were durable.
      await this.#disk.syncNames();
      await this.#disk.remove(segmentName(number));
      await this.#disk.syncNames();
    });
    if (!gone) return false;
    this.#files.delete(number);
    if (this.#chain[0]?.number === number) this.#chain.shift();
    return true;
  }

  /** For work whose failure costs nothing but tidiness. */
  async #tolerate(action: string, work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      if (isNotFound(error)) return true;
      const code = systemErrorCode(error);
      if (code === undefined) throw error;
      this.#note(`the disk answered ${code} when it was to ${action} a file of the datastore`);
      return false;
    }
  }

  #note(sentence: string): void {
    if (this.#repairs.length < repairsKept) this.#repairs.push(sentence);
  }
}
