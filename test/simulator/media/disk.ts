/**
 * A directory on a disk that loses power between any two operations, fills up, and answers with errors.
 *
 * Content is durable after a file's `sync`, names after `syncNames`; at a power loss any part of the rest may have
 * survived. Everything random is decided by seeds, so that the same operations end the same way.
 */
import type { LogDisk, DiskFile } from "../../../host/datastore/log/disk.ts";
import { Random } from "../random.ts";
import { SimulatedMedium } from "./medium.ts";

/** Not a system error: nothing may handle it, since after it nothing runs. */
export class PowerLost extends Error {}

export type DiskErrorCode = "EIO" | "ENOSPC";

/** After so many changing operations, so many answer with the code. */
export type DiskRefusal = { after: number; times: number; code: DiskErrorCode };

/** A change of names that is not durable. `to` is absent for a removal, `from` for a new file. */
type Renaming = { from?: string; to?: string; file?: SimulatedMedium };

const blockBytes = 4096;

export class SimulatedDisk implements LogDisk {
  capacityBytes = Number.POSITIVE_INFINITY;
  /** The most that was ever taken, in whole blocks. */
  peakBytes = 0;
  peakFiles = 0;
  operations = 0;
  readonly #random: Random;
  #names = new Map<string, SimulatedMedium>();
  #durableNames = new Map<string, SimulatedMedium>();
  #renamings: Renaming[] = [];
  readonly #unreadable = new Set<string>();
  #usedBytes = 0;
  #cutAfter: number | undefined;
  #lost = false;
  #refusal: DiskRefusal | undefined;

  /** `seed` decides how long operations take and how far those come that fail. */
  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  get powerIsLost(): boolean {
    return this.#lost;
  }

  /** In whole blocks. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** The power fails during the operation after so many others. */
  cutPowerAfter(operations: number): void {
    this.#cutAfter = operations;
  }

  refuse(refusal: DiskRefusal | undefined): void {
    this.#refusal = refusal;
  }

  /** The same disk after a power loss, as `seed` decides what survived; this one stays as it is. */
  afterPowerLoss(seed: number): SimulatedDisk {
    const random = new Random(seed);
    const disk = this.copy();
    for (const renaming of random.chance(50) ? beginning(disk.#renamings, random) : some(disk.#renamings, random)) {
      applyRenaming(disk.#durableNames, renaming);
    }
    disk.#names = new Map(disk.#durableNames);
    disk.#renamings = [];
    for (const file of new Set(disk.#names.values())) file.loseUnsynced(random);
    disk.#account();
    return disk;
  }

  /** With the power on and nothing pending to fail. */
  copy(): SimulatedDisk {
    const disk = new SimulatedDisk(this.#random.seed());
    disk.capacityBytes = this.capacityBytes;
    const copies = new Map<SimulatedMedium, SimulatedMedium>();
    const copyOf = (file: SimulatedMedium): SimulatedMedium => copies.getOrInsertComputed(file, () => file.copy());
    for (const [name, file] of this.#names) disk.#names.set(name, copyOf(file));
    for (const [name, file] of this.#durableNames) disk.#durableNames.set(name, copyOf(file));
    disk.#renamings = this.#renamings.map((renaming) =>
      renaming.file === undefined ? renaming : { ...renaming, file: copyOf(renaming.file) },
    );
    for (const name of this.#unreadable) disk.#unreadable.add(name);
    disk.#account();
    return disk;
  }

  /** Everything a reader sees, without an operation. */
  contents(): Map<string, Buffer> {
    return new Map([...this.#names].map(([name, file]) => [name, Buffer.from(file.read())]));
  }

  /** The content of a file, to damage it; only while nothing is unsynced. */
  medium(name: string): SimulatedMedium | undefined {
    return this.#names.get(name);
  }

  /** A bad sector: from now on the file cannot be read. */
  makeUnreadable(name: string): void {
    this.#unreadable.add(name);
  }

  /** Removes a file behind the back of everyone. */
  lose(name: string): void {
    this.#names.delete(name);
    this.#durableNames.delete(name);
    this.#account();
  }

  async list(): Promise<string[]> {
    await this.#step();
    return [...this.#names.keys()];
  }

  async read(name: string): Promise<Uint8Array> {
    await this.#step();
    if (this.#unreadable.has(name)) throw systemError("EIO");
    return this.#file(name).read();
  }

  async sync(name: string): Promise<void> {
    const file = this.#file(name);
    await this.#operation({ failed: () => file.failToSync() });
    file.sync();
  }

  async create(name: string): Promise<DiskFile> {
    const file = this.#names.get(name) ?? new SimulatedMedium();
    await this.#operation({
      partly: () => this.#create(name, file),
    });
    this.#create(name, file);
    return {
      append: (data) => this.#append(file, data),
      sync: async () => {
        await this.#operation({ failed: () => file.failToSync() });
        file.sync();
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }

  async rename(from: string, to: string): Promise<void> {
    const apply = (): void => this.#rename({ from, to, file: this.#file(from) });
    await this.#operation({ partly: apply });
    apply();
  }

  async remove(name: string): Promise<void> {
    this.#file(name);
    const apply = (): void => this.#rename({ from: name });
    await this.#operation({ partly: apply });
    apply();
  }

  async syncNames(): Promise<void> {
    await this.#operation();
    this.#durableNames = new Map(this.#names);
    this.#renamings = [];
  }

  async #append(file: SimulatedMedium, data: Uint8Array): Promise<void> {
    const write = (part: Uint8Array): void => {
      file.write(file.length, part);
      this.#account();
    };
    const part = (): Uint8Array => data.subarray(0, this.#random.integer(0, data.length));
    await this.#operation({ partly: () => write(data), failed: () => write(part()) });
    const free = this.capacityBytes - this.#usedBytes + (blocks(file.length) * blockBytes - file.length);
    if (data.length > free) {
      write(data.subarray(0, Math.max(0, free)));
      throw systemError("ENOSPC");
    }
    write(data);
  }

  /** Takes its time; here the power fails. `partly` is what may have happened then. */
  async #step(partly?: () => void): Promise<void> {
    for (let turns = this.#random.integer(0, 2); turns > 0; turns--) await Promise.resolve();
    if (this.#lost) throw new PowerLost("the power is off");
    this.operations++;
    if (this.#cutAfter !== undefined && this.#cutAfter-- <= 0) {
      partly?.();
      this.#lost = true;
      throw new PowerLost("the power fails");
    }
  }

  /** An operation that changes something. `failed` is what happens when the disk answers with an error. */
  async #operation(effects: { partly?: () => void; failed?: () => void } = {}): Promise<void> {
    await this.#step(effects.partly);
    const refusal = this.#refusal;
    if (refusal === undefined || refusal.after-- > 0) return;
    if (refusal.times-- <= 0) {
      this.#refusal = undefined;
      return;
    }
    effects.failed?.();
    throw systemError(refusal.code);
  }

  #create(name: string, file: SimulatedMedium): void {
    if (this.#names.has(name)) file.empty();
    else this.#rename({ to: name, file });
    this.#account();
  }

  #rename(renaming: Renaming): void {
    if (renaming.to !== undefined) this.#unreadable.delete(renaming.to);
    applyRenaming(this.#names, renaming);
    this.#renamings.push(renaming);
    this.#account();
  }

  #file(name: string): SimulatedMedium {
    const file = this.#names.get(name);
    if (file === undefined) throw systemError("ENOENT");
    return file;
  }

  #account(): void {
    let used = 0;
    for (const file of this.#names.values()) used += blocks(file.length) * blockBytes;
    this.#usedBytes = used;
    this.peakBytes = Math.max(this.peakBytes, used);
    this.peakFiles = Math.max(this.peakFiles, this.#names.size);
  }
}

function applyRenaming(names: Map<string, SimulatedMedium>, { from, to, file }: Renaming): void {
  if (from !== undefined) names.delete(from);
  if (to !== undefined && file !== undefined) names.set(to, file);
}

function beginning<T>(items: readonly T[], random: Random): T[] {
  return items.slice(0, random.integer(0, items.length));
}

function some<T>(items: readonly T[], random: Random): T[] {
  return items.filter(() => random.chance(50));
}

function blocks(bytes: number): number {
  return Math.ceil(bytes / blockBytes);
}

function systemError(code: DiskErrorCode | "ENOENT"): Error {
  return Object.assign(new Error(`${code}: simulated`), { code });
}
