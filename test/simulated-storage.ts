/**
 * All media of a machine behind one power supply: partitions, an ESP and the private partition.
 *
 * Content is durable after a file's or a device's `sync`, names after `syncDirectory`; at a power loss any part of the
 * rest may have survived. What the two file systems promise beside that:
 *
 * - "journaled" (ext4): a rename is one step. It happens or it does not.
 * - "fat": nothing ties the sectors of a directory together. A rename writes the new name and takes away the old one
 *   (Linux fs/fat/namei_vfat.c, vfat_rename), and either may be all that reaches the medium: then the file is there
 *   under both names, or under none. With both, they share their clusters: when one name goes, the clusters are free,
 *   and the next new file may show under the name that is left.
 */
import { createHash } from "node:crypto";
import { dirname } from "node:path";
import { Failure } from "../lib/failure.ts";
import type { NewFile } from "../lib/files.ts";
import type { Disk } from "../host/datastore/disk.ts";
import type { Storage } from "../host/storage.ts";
import type { BlockDevice } from "../host/update/block-device.ts";
import { Random } from "./random.ts";
import { PowerLost } from "./simulated-disk.ts";
import { SimulatedMedium } from "./simulated-medium.ts";

export type FileSystem = "fat" | "journaled";

/** A name that is given or taken away. */
type NameChange = { path: string; file: SimulatedMedium | undefined };

type Volume = {
  kind: FileSystem;
  /** Everything below it is on this volume. */
  mountedAt: string;
  names: Map<string, SimulatedMedium>;
  durableNames: Map<string, SimulatedMedium>;
  /** Each step is written as a whole, or not. */
  pending: NameChange[][];
  /** Clusters that a name may still point to. */
  freed: Set<SimulatedMedium>;
};

export class SimulatedStorage implements Storage {
  operations = 0;
  /** Called before each operation that changes something. */
  onOperation: (() => Promise<void>) | undefined;
  #volumes: Volume[] = [];
  #devices = new Map<string, SimulatedMedium>();
  #cutAfter = Number.POSITIVE_INFINITY;
  #lost = false;
  #dieAfter = Number.POSITIVE_INFINITY;
  #died = false;
  #flipAfter: number | undefined;

  /** Nothing is read or written any more: the power is lost, or the process that did it died. */
  get isGone(): boolean {
    return this.#lost || this.#died;
  }

  /** The process died, and the power stayed. */
  get processDied(): boolean {
    return this.#died && !this.#lost;
  }

  mount(kind: FileSystem, mountedAt: string): void {
    const [names, durableNames] = [new Map<string, SimulatedMedium>(), new Map<string, SimulatedMedium>()];
    this.#volumes.push({ kind, mountedAt, names, durableNames, pending: [], freed: new Set() });
  }

  addDevice(path: string, content: Uint8Array): void {
    this.#devices.set(path, mediumOf(content));
  }

  /** A file that has been there for long. */
  addFile(path: string, content: string | Uint8Array): void {
    const volume = this.#volumeOf(path);
    const medium = mediumOf(Buffer.from(content));
    volume.names.set(path, medium);
    volume.durableNames.set(path, medium);
  }

  /** The power fails during the operation after so many others. */
  cutPowerAfter(operations: number): void {
    this.#cutAfter = operations;
  }

  /** Whoever reads and writes dies after so many more operations. */
  dieAfter(operations: number): void {
    this.#dieAfter = operations;
  }

  /** As another process finds it: nothing is lost that was written, and nothing is durable that was not. */
  afterDeath(): SimulatedStorage {
    return this.#copy();
  }

  /** The write to a device after so many others arrives with a wrong bit; undefined for none. */
  flipBitAfter(writes: number | undefined): void {
    this.#flipAfter = writes;
  }

  /** What a reader sees, without an operation; only until the next write. */
  content(path: string): Buffer | undefined {
    const bytes = (this.#devices.get(path) ?? this.#volumeOf(path).names.get(path))?.view();
    return bytes === undefined ? undefined : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  namesIn(directory: string): string[] {
    return [...this.#volumeOf(directory).names.keys()]
      .filter((path) => dirname(path) === directory)
      .map((path) => path.slice(directory.length + 1));
  }

  /** The same machine after a power loss, as `seed` decides what survived; this one stays as it is. */
  afterPowerLoss(seed: number): SimulatedStorage {
    const random = new Random(seed);
    const after = this.#copy();
    for (const volume of after.#volumes) {
      const kept = random.chance(50)
        ? volume.pending.slice(0, random.integer(0, volume.pending.length))
        : volume.pending.filter(() => random.chance(50));
      for (const step of kept) applyNames(volume.durableNames, step);
      volume.names = new Map(volume.durableNames);
      volume.pending = [];
      for (const file of new Set([...volume.names.values(), ...volume.freed])) file.loseUnsynced(random);
    }
    for (const device of after.#devices.values()) device.loseUnsynced(random);
    return after;
  }

  /**
   * Of everything on the media whose path begins with one of `prefixes`, but for the random part in the name of a
   * temporary file.
   */
  digest(prefixes: readonly string[]): string {
    const hash = createHash("sha256");
    const all = [...this.#devices, ...this.#volumes.flatMap(({ names }) => [...names])];
    const wanted = all
      .filter(([path]) => prefixes.some((prefix) => path.startsWith(prefix)))
      .map(([path, medium]) => [path.replace(/\.[0-9a-f]{12}$/, ".*"), medium.view()] as const)
      .toSorted(([x], [y]) => (x < y ? -1 : 1));
    for (const [path, bytes] of wanted) hash.update(`${path}\0${bytes.length}\0`).update(bytes);
    return hash.digest("hex");
  }

  async list(directory: string): Promise<string[]> {
    this.#assertPower();
    return this.namesIn(directory);
  }

  async read(path: string): Promise<Buffer> {
    this.#assertPower();
    return Buffer.from(this.#file(path).read());
  }

  async size(path: string): Promise<number> {
    this.#assertPower();
    return this.#file(path).length;
  }

  async inBackground(): Promise<AsyncDisposable> {
    return { [Symbol.asyncDispose]: async () => undefined };
  }

  async readInto(path: string, offset: number, into: Buffer): Promise<number> {
    this.#assertPower();
    const found = this.#file(path)
      .view()
      .subarray(offset, offset + into.length);
    into.set(found);
    return found.length;
  }

  async makeDirectory(): Promise<void> {
    this.#assertPower(); // which directories there are is no part of the model
  }

  async create(path: string): Promise<NewFile> {
    if (this.#volumeOf(path).names.has(path)) throw systemError("EEXIST");
    return await this.#create(path);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#rename(from, to, this.#volumeOf(from).kind === "journaled");
  }

  /** Also on FAT: where both names are in the same sector, for whoever writes the directory by itself. */
  async renameInOneWrite(from: string, to: string): Promise<void> {
    await this.#rename(from, to, true);
  }

  async #rename(from: string, to: string, inOneWrite: boolean): Promise<void> {
    const volume = this.#volumeOf(from);
    const file = this.#file(from);
    await this.#operation(() => {
      const replaced = volume.names.get(to);
      const changes = [
        { path: to, file },
        { path: from, file: undefined },
      ];
      this.#change(volume, changes, inOneWrite);
      if (replaced !== undefined) volume.freed.add(replaced);
    });
  }

  async remove(path: string): Promise<void> {
    const volume = this.#volumeOf(path);
    const file = this.#file(path);
    await this.#operation(() => {
      this.#change(volume, [{ path, file: undefined }]);
      volume.freed.add(file);
    });
  }

  async syncDirectory(directory: string): Promise<void> {
    const volume = this.#volumeOf(directory);
    const isHere = ({ path }: NameChange): boolean => dirname(path) === directory;
    await this.#step(() => undefined);
    for (const step of volume.pending) applyNames(volume.durableNames, step.filter(isHere));
    volume.pending = volume.pending
      .map((step) => step.filter((change) => !isHere(change)))
      .filter((step) => step.length > 0);
  }

  async openDevice(path: string, bytes: number): Promise<BlockDevice> {
    const medium = this.#devices.get(path);
    if (medium === undefined) throw systemError("ENOENT");
    return {
      path,
      bytes,
      read: async (offset, into) => {
        this.#assertPower();
        into.set(medium.view().subarray(offset, offset + into.length));
      },
      write: async (offset, data) => {
        if (offset + data.length > bytes) throw new Failure("too-large", `cannot write to ${path}: it is full`);
        const arriving = this.#arriving(data);
        await this.#operation(() => medium.write(offset, arriving));
      },
      sync: async () => await this.#sync(medium),
      forget: () => undefined,
      [Symbol.asyncDispose]: async () => undefined,
    };
  }

  async sync(path: string): Promise<void> {
    await this.#sync(this.#file(path));
  }

  async forget(): Promise<void> {
    this.#assertPower();
  }

  /** As a host sees it whose `/` is the directory `root`. */
  under(root: string): Storage {
    const at = (path: string): string => path.slice(root.length);
    return {
      list: async (directory) => await this.list(at(directory)),
      read: async (path) => await this.read(at(path)),
      size: async (path) => await this.size(at(path)),
      inBackground: async () => await this.inBackground(),
      readInto: async (path, offset, into) => await this.readInto(at(path), offset, into),
      makeDirectory: async () => await this.makeDirectory(),
      create: async (path) => await this.create(at(path)),
      rename: async (from, to) => await this.rename(at(from), at(to)),
      remove: async (path) => await this.remove(at(path)),
      syncDirectory: async (directory) => await this.syncDirectory(at(directory)),
      openDevice: async (path, bytes) => await this.openDevice(at(path), bytes),
      sync: async (path) => await this.sync(at(path)),
      forget: async () => await this.forget(),
    };
  }

  /** A directory of the private partition, as the datastore wants it. */
  disk(directory: string): Disk {
    const pathOf = (name: string): string => `${directory}/${name}`;
    return {
      list: async () => await this.list(directory),
      read: async (name) => await this.read(pathOf(name)),
      create: async (name) => {
        const file = await this.#create(pathOf(name));
        return {
          ...file,
          append: async (data) => await file.write(data),
          [Symbol.asyncDispose]: async () => undefined,
        };
      },
      rename: async (from, to) => await this.rename(pathOf(from), pathOf(to)),
      remove: async (name) => await this.remove(pathOf(name)),
      syncNames: async () => await this.syncDirectory(directory),
    };
  }

  async #create(path: string): Promise<NewFile> {
    const volume = this.#volumeOf(path);
    const there = volume.names.get(path);
    const file = there ?? (volume.kind === "fat" ? reused(volume) : undefined) ?? new SimulatedMedium();
    await this.#operation(() => {
      file.empty();
      if (there === undefined) this.#change(volume, [{ path, file }]);
    });
    return {
      write: async (data) => {
        const bytes = Buffer.from(data);
        await this.#operation(() => file.write(file.length, bytes));
      },
      sync: async () => await this.#sync(file),
      [Symbol.asyncDispose]: async () => undefined,
    };
  }

  #arriving(data: Uint8Array): Uint8Array {
    if (this.#flipAfter === undefined || this.#flipAfter-- > 0) return data;
    this.#flipAfter = undefined;
    const flipped = new Uint8Array(data);
    flipped[0] = (flipped[0] ?? 0) ^ 1;
    return flipped;
  }

  async #sync(medium: SimulatedMedium): Promise<void> {
    await this.#step(() => undefined);
    medium.sync();
  }

  /** @param effect what happens; when the power fails meanwhile, any part of it may have */
  async #operation(effect: () => void): Promise<void> {
    await this.#step(effect);
    effect();
  }

  async #step(partly: () => void): Promise<void> {
    this.#assertPower();
    await this.onOperation?.();
    this.operations++;
    if (this.#cutAfter-- <= 0) {
      partly();
      this.#lost = true;
      throw new PowerLost("the power fails");
    }
    if (this.#dieAfter-- <= 0) {
      this.#died = true;
      throw new PowerLost("the process dies");
    }
  }

  #assertPower(): void {
    if (this.isGone) throw new PowerLost("the power is off");
  }

  #change(volume: Volume, changes: NameChange[], inOneWrite = changes.length === 1): void {
    applyNames(volume.names, changes);
    volume.pending.push(...(inOneWrite ? [changes] : changes.map((change) => [change])));
  }

  #volumeOf(path: string): Volume {
    const found = this.#volumes.find(({ mountedAt }) => `${path}/`.startsWith(`${mountedAt}/`));
    if (found === undefined) throw new Error(`bug: ${path} is on no volume`);
    return found;
  }

  #file(path: string): SimulatedMedium {
    const file = this.#volumeOf(path).names.get(path);
    if (file === undefined) throw systemError("ENOENT");
    return file;
  }

  /** With the power on. */
  #copy(): SimulatedStorage {
    const copy = new SimulatedStorage();
    const copies = new Map<SimulatedMedium, SimulatedMedium>();
    const copyOf = (file: SimulatedMedium): SimulatedMedium => copies.getOrInsertComputed(file, () => file.copy());
    const namesOf = (names: ReadonlyMap<string, SimulatedMedium>): Map<string, SimulatedMedium> =>
      new Map([...names].map(([path, file]) => [path, copyOf(file)]));
    copy.#volumes = this.#volumes.map(({ kind, mountedAt, names, durableNames, pending, freed }) => ({
      kind,
      mountedAt,
      names: namesOf(names),
      durableNames: namesOf(durableNames),
      pending: pending.map((step) =>
        step.map(({ path, file }) => ({ path, file: file === undefined ? undefined : copyOf(file) })),
      ),
      freed: new Set([...freed].map(copyOf)),
    }));
    copy.#devices = namesOf(this.#devices);
    return copy;
  }
}

function applyNames(names: Map<string, SimulatedMedium>, changes: readonly NameChange[]): void {
  for (const { path, file } of changes) {
    if (file === undefined) names.delete(path);
    else names.set(path, file);
  }
}

/** The clusters that were freed last are the next to be given out, as good as any choice. */
function reused(volume: Volume): SimulatedMedium | undefined {
  const last = [...volume.freed].at(-1);
  if (last !== undefined) volume.freed.delete(last);
  return last;
}

function mediumOf(content: Uint8Array): SimulatedMedium {
  const medium = new SimulatedMedium();
  medium.write(0, content);
  medium.sync();
  return medium;
}

function systemError(code: "EEXIST" | "ENOENT"): Error {
  return Object.assign(new Error(`${code}: simulated`), { code });
}
