/**
 * The names of one file system, and what of them survives a power loss.
 *
 * Names are durable after the sync of their directory; at a power loss any part of the rest may have survived. What the
 * two file systems promise beside that:
 *
 * - "journaled" (ext4): a rename is one step. It happens or it does not.
 * - "fat": nothing ties the sectors of a directory together. A rename writes the new name and takes away the old one
 *   (Linux fs/fat/namei_vfat.c, vfat_rename), and either may be all that reaches the medium: then the file is there
 *   under both names, or under none. With both, they share their clusters: when one name goes, the clusters are free,
 *   and the next new file may show under the name that is left.
 */
import { dirname } from "node:path";
import type { Random } from "../random.ts";
import { SimulatedMedium } from "./medium.ts";

export type FileSystem = "fat" | "journaled";

type Names = Map<string, SimulatedMedium>;
/** A name that is given or taken away. */
type NameChange = { path: string; file: SimulatedMedium | undefined };

export class SimulatedVolume {
  readonly kind: FileSystem;
  /** Everything below it is on this volume. */
  readonly mountedAt: string;
  #names: Names = new Map();
  #durable: Names = new Map();
  /** Each step is written as a whole, or not. */
  #pending: NameChange[][] = [];
  /** Directories below the one it is mounted at, and whether they are there after a loss of power. */
  #directories = new Map<string, { durable: boolean }>();
  /** Clusters that a name may still point to. */
  #freed = new Set<SimulatedMedium>();

  constructor(kind: FileSystem, mountedAt: string) {
    this.kind = kind;
    this.mountedAt = mountedAt;
  }

  get names(): ReadonlyMap<string, SimulatedMedium> {
    return this.#names;
  }

  /** A file that has been there for long. */
  addDurable(path: string, file: SimulatedMedium): void {
    for (const directory of this.#directoriesAbove(path)) this.#directories.set(directory, { durable: true });
    this.#names.set(path, file);
    this.#durable.set(path, file);
  }

  hasDirectory(path: string): boolean {
    return path === this.mountedAt || this.#directories.has(path);
  }

  /** With those above it; returns the topmost one that was not there. */
  makeDirectory(path: string): string | undefined {
    const missing = [...this.#directoriesAbove(`${path}/any`)].filter((each) => !this.#directories.has(each));
    for (const directory of missing) this.#directories.set(directory, { durable: false });
    return missing.at(-1);
  }

  add(path: string, file: SimulatedMedium): void {
    this.#change([{ path, file }], "in one write");
  }

  /** What a new file is written to. On FAT, the clusters freed last are the next to be given out, as good as any choice. */
  clustersForFile(): SimulatedMedium {
    const last = this.kind === "fat" ? [...this.#freed].at(-1) : undefined;
    if (last !== undefined) this.#freed.delete(last);
    return last ?? new SimulatedMedium();
  }

  rename(file: SimulatedMedium, from: string, to: string, how: "in one write" | "as the file system does"): void {
    const replaced = this.#names.get(to);
    const isAtomic = how === "in one write" || this.kind === "journaled";
    const changes = [
      { path: to, file },
      { path: from, file: undefined },
    ];
    this.#change(changes, isAtomic ? "in one write" : "one by one");
    if (replaced !== undefined) this.#freed.add(replaced);
  }

  remove(path: string, file: SimulatedMedium): void {
    this.#change([{ path, file: undefined }], "in one write");
    this.#freed.add(file);
  }

  syncDirectory(directory: string): void {
    for (const [path, made] of this.#directories) if (dirname(path) === directory) made.durable = true;
    const isHere = ({ path }: NameChange): boolean => dirname(path) === directory;
    for (const step of this.#pending) apply(this.#durable, step.filter(isHere));
    this.#pending = this.#pending
      .map((step) => step.filter((change) => !isHere(change)))
      .filter((step) => step.length > 0);
  }

  losePower(random: Random): void {
    const kept = random.chance(50)
      ? this.#pending.slice(0, random.integer(0, this.#pending.length))
      : this.#pending.filter(() => random.chance(50));
    for (const step of kept) apply(this.#durable, step);
    this.#loseDirectories(random);
    this.#names = new Map(this.#durable);
    this.#pending = [];
    for (const file of new Set([...this.#names.values(), ...this.#freed])) file.loseUnsynced(random);
  }

  /** @param copyOf the one copy of a file, under whatever names it is known */
  copy(copyOf: (file: SimulatedMedium) => SimulatedMedium): SimulatedVolume {
    const copy = new SimulatedVolume(this.kind, this.mountedAt);
    const namesOf = (names: Names): Names => new Map([...names].map(([path, file]) => [path, copyOf(file)]));
    copy.#names = namesOf(this.#names);
    copy.#durable = namesOf(this.#durable);
    copy.#pending = this.#pending.map((step) =>
      step.map(({ path, file }) => ({ path, file: file === undefined ? undefined : copyOf(file) })),
    );
    copy.#directories = new Map([...this.#directories].map(([path, { durable }]) => [path, { durable }]));
    copy.#freed = new Set([...this.#freed].map(copyOf));
    return copy;
  }

  /** A directory that was not durable may be gone, and then all that is in it. */
  #loseDirectories(random: Random): void {
    for (const [path, made] of this.#directories) {
      if (made.durable || random.chance(50)) made.durable = true;
      else this.#directories.delete(path);
    }
    const isReachable = (path: string): boolean =>
      this.#directoriesAbove(path).every((each) => this.hasDirectory(each));
    for (const path of this.#directories.keys()) if (!isReachable(path)) this.#directories.delete(path);
    for (const path of this.#durable.keys()) if (!isReachable(path)) this.#durable.delete(path);
  }

  /** Innermost first, without the one that it is mounted at. */
  #directoriesAbove(path: string): string[] {
    const above: string[] = [];
    for (let each = dirname(path); each.length > this.mountedAt.length; each = dirname(each)) above.push(each);
    return above;
  }

  #change(changes: NameChange[], how: "in one write" | "one by one"): void {
    apply(this.#names, changes);
    this.#pending.push(...(how === "in one write" ? [changes] : changes.map((change) => [change])));
  }
}

function apply(names: Names, changes: readonly NameChange[]): void {
  for (const { path, file } of changes) {
    if (file === undefined) names.delete(path);
    else names.set(path, file);
  }
}
