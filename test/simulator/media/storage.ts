/**
 * All media of a machine behind one power supply: partitions, an ESP and the private partition.
 *
 * Content is durable after a file's or a device's `sync`, names after `syncDirectory`; at a power loss any part of the
 * rest may have survived, as `volume.ts` says for names.
 */
import { createHash } from "node:crypto";
import { dirname } from "node:path";
import { Failure } from "../../../lib/failure.ts";
import type { NewFile } from "../../../lib/files/files.ts";
import type { Storage } from "../../../host/machine/storage.ts";
import type { BlockDevice } from "../../../host/machine/block-device.ts";
import { Random } from "../random.ts";
import { PowerLost } from "./disk.ts";
import { SimulatedMedium } from "./medium.ts";
import { type FileSystem, SimulatedVolume } from "./volume.ts";

export class SimulatedStorage implements Storage {
  operations = 0;
  /** Called before each operation that changes something. */
  onOperation: (() => Promise<void>) | undefined;
  #volumes: SimulatedVolume[] = [];
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
    this.#volumes.push(new SimulatedVolume(kind, mountedAt));
  }

  addDevice(path: string, content: Uint8Array): void {
    this.#devices.set(path, mediumOf(content));
  }

  /** A file that has been there for long. */
  addFile(path: string, content: string | Uint8Array): void {
    this.#volumeOf(path).addDurable(path, mediumOf(Buffer.from(content)));
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
    for (const volume of after.#volumes) volume.losePower(random);
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
    const medium = this.#devices.get(path) ?? this.#file(path);
    const found = medium.view().subarray(offset, offset + into.length);
    into.set(found);
    return found.length;
  }

  async makeDirectory(path: string): Promise<string | undefined> {
    const volume = this.#volumeOf(path);
    if (volume.hasDirectory(path)) return undefined;
    let topmost: string | undefined;
    await this.#operation(() => (topmost = volume.makeDirectory(path)));
    return topmost;
  }

  async create(path: string): Promise<NewFile> {
    const volume = this.#volumeOf(path);
    if (volume.names.has(path)) throw systemError("EEXIST");
    if (!volume.hasDirectory(dirname(path))) throw systemError("ENOENT");
    const file = volume.clustersForFile();
    await this.#operation(() => {
      file.empty();
      volume.add(path, file);
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

  async rename(from: string, to: string): Promise<void> {
    const [volume, file] = [this.#volumeOf(from), this.#file(from)];
    await this.#operation(() => volume.rename(file, from, to, "as the file system does"));
  }

  /** Also on FAT: where both names are in the same sector, for a writer of the directory itself, such as firmware. */
  async renameAtomically(from: string, to: string): Promise<void> {
    const [volume, file] = [this.#volumeOf(from), this.#file(from)];
    await this.#operation(() => volume.rename(file, from, to, "in one write"));
  }

  async remove(path: string): Promise<void> {
    const [volume, file] = [this.#volumeOf(path), this.#file(path)];
    await this.#operation(() => volume.remove(path, file));
  }

  async syncDirectory(directory: string): Promise<void> {
    const volume = this.#volumeOf(directory);
    await this.#step(() => undefined);
    volume.syncDirectory(directory);
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
      makeDirectory: async (path) => {
        const topmost = await this.makeDirectory(at(path));
        return topmost === undefined ? undefined : `${root}${topmost}`;
      },
      create: async (path) => await this.create(at(path)),
      rename: async (from, to) => await this.rename(at(from), at(to)),
      remove: async (path) => await this.remove(at(path)),
      syncDirectory: async (directory) => await this.syncDirectory(at(directory)),
      openDevice: async (path, bytes) => await this.openDevice(at(path), bytes),
      sync: async (path) => await this.sync(at(path)),
      forget: async () => await this.forget(),
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

  #volumeOf(path: string): SimulatedVolume {
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
    copy.#volumes = this.#volumes.map((volume) => volume.copy(copyOf));
    copy.#devices = new Map([...this.#devices].map(([path, device]) => [path, copyOf(device)]));
    return copy;
  }
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
