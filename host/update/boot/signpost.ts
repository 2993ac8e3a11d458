/**
 * Signpost: the only owner of which partition set boots.
 *
 * Every change that matters is one rename in `loader/entries` on the ESP, so power may fail at any moment: the loader
 * sees the old decision or the new one. What signpost reports is always read back from the disk.
 *
 * An entry that the loader or a crash left twice (`orlop-b.conf` beside `orlop-b+0-1.conf`) counts as its best
 * standing. The other name stays until the set is cleared: it may be another way to the same clusters, which must not be
 * freed alone (decision 0032).
 */
import { join } from "node:path";
import { Failure, isNotFound } from "../../../lib/failure.ts";
import { readTextIfPresent, removeIfPresent, writeFileAtomic, type Files } from "../../../lib/files/files.ts";
import {
  entryName, entryText, isEntryOf, kernelPath, nextToBoot, otherSet, parseEntry, setNames, willBoot, type BootEntry, type SetName, type Standing,
} from "./boot-entry.ts"; // prettier-ignore

/** What the boot loader knows of both sets. */
export type Standings = {
  active: SetName;
  entries: Partial<Record<SetName, BootEntry>>;
  /** The set that the loader will start; undefined when it has no entry at all. */
  next: SetName | undefined;
};

export class Signpost {
  readonly #files: Files;
  readonly #esp: string;
  readonly #active: SetName;

  /**
   * @param esp where the EFI system partition is mounted
   * @param active the set this system runs from
   */
  constructor(files: Files, esp: string, active: SetName) {
    this.#files = files;
    this.#esp = esp;
    this.#active = active;
  }

  async read(): Promise<Standings> {
    const entries: Standings["entries"] = {};
    for (const { entry } of await this.#entryFiles()) entries[entry.set] ??= entry;
    return { active: this.#active, entries, next: nextToBoot(Object.values(entries))?.set };
  }

  /** The running set proved healthy: it boots from now on, without counting. */
  async markSuccessfulBoot(): Promise<void> {
    const { entry, name } = await this.#file(this.#active);
    await this.#rename(name, entryName({ ...entry, standing: { kind: "successful" } }));
  }

  /** The running set, while it is on trial, may be started once more. */
  async returnTry(): Promise<void> {
    const { entry, name } = await this.#file(this.#active);
    if (entry.standing.kind !== "trying" || entry.standing.done === 0) return;
    // What was done stays, so that the name is none that the boot loader gives: it would not count over one that is there.
    const standing = { kind: "trying", left: entry.standing.left + 1, done: entry.standing.done } as const;
    await this.#rename(name, entryName({ ...entry, standing }));
  }

  /** The inactive set is about to be overwritten: it must not boot, whatever happens from here on. */
  async clearInactive(): Promise<void> {
    for (const name of await this.#files.list(this.#entries)) {
      // By name, whatever is in it: what is damaged to us may still be an entry to the boot loader.
      if (isEntryOf(otherSet(this.#active), name)) await removeIfPresent(join(this.#entries, name), this.#files);
    }
    await this.#files.syncDirectory(this.#entries);
  }

  /**
   * The inactive set is written and verified: remember it, without booting it.
   *
   * @param tries how often the loader may start it before it must have proved healthy
   * @throws {Failure<"no-kernel">}
   */
  async markInactiveValid(version: string, tries: number): Promise<void> {
    const set = otherSet(this.#active);
    const kernel = join(this.#esp, kernelPath(set));
    if ((await this.#sizeOf(kernel)) === 0)
      throw new Failure("no-kernel", `cannot mark the inactive set ${set.toUpperCase()} valid: ${kernel} is missing`);
    const active = (await this.#file(this.#active)).entry;
    await this.clearInactive();
    const entry: BootEntry = { set, priority: active.priority + 1, standing: { kind: "staged", tries }, version };
    await writeFileAtomic(join(this.#entries, entryName(entry)), entryText(entry), 0o644, this.#files);
  }

  /** The inactive set boots next, on trial; only for `bootInactiveNext`. @throws {Failure<"inactive-not-valid">} */
  async upgradeToInactive(): Promise<void> {
    const set = otherSet(this.#active);
    const file = (await this.#entryFiles()).find(({ entry }) => entry.set === set && entry.standing.kind === "staged");
    if (file?.entry.standing.kind !== "staged") {
      throw new Failure(
        "inactive-not-valid",
        `cannot boot set ${set.toUpperCase()} next: no verified update is on it`,
        {
          hint: "run `apiclient update apply` first",
        },
      );
    }
    const { tries } = file.entry.standing;
    await this.#rename(file.name, entryName({ set, standing: { kind: "trying", left: tries, done: 0 } }));
  }

  /** The running set boots next after all; the inactive one stays valid. @throws {Failure<"nothing-to-cancel">} */
  async cancelUpgrade(): Promise<void> {
    const set = otherSet(this.#active);
    const file = (await this.#entryFiles()).find(({ entry }) => entry.set === set && entry.standing.kind === "trying");
    if (file?.entry.standing.kind !== "trying" || file.entry.standing.left === 0) {
      throw new Failure("nothing-to-cancel", `cannot cancel: set ${set.toUpperCase()} is not on trial`);
    }
    await this.#rename(file.name, entryName({ set, standing: { kind: "staged", tries: file.entry.standing.left } }));
  }

  /** The inactive set boots next because a person wants it back. @throws {Failure<"inactive-will-not-boot">} */
  async rollbackToInactive(): Promise<void> {
    const set = otherSet(this.#active);
    const file = (await this.#entryFiles()).find(({ entry }) => entry.set === set);
    if (file === undefined || !willBoot(file.entry)) {
      throw new Failure(
        "inactive-will-not-boot",
        `cannot go back to set ${set.toUpperCase()}: it never proved healthy, or is empty`,
      );
    }
    const active = (await this.#file(this.#active)).entry;
    const entry = { ...file.entry, priority: active.priority + 1 };
    await writeFileAtomic(join(this.#entries, file.name), entryText(entry), 0o644, this.#files);
  }

  get #entries(): string {
    return join(this.#esp, "loader/entries");
  }

  /** Our entries, the best standing of a set first. */
  async #entryFiles(): Promise<{ name: string; entry: BootEntry }[]> {
    const files: { name: string; entry: BootEntry }[] = [];
    for (const name of (await this.#files.list(this.#entries)).toSorted()) {
      if (!name.startsWith("orlop-")) continue;
      const text = await readTextIfPresent(join(this.#entries, name), this.#files);
      const entry = text === undefined ? undefined : parseEntry(name, text);
      if (entry !== undefined) files.push({ name, entry });
    }
    const rank = { successful: 0, trying: 1, staged: 2 } as const;
    // As the boot loader has it: of two names, the one with more tries left counts.
    const left = (standing: Standing): number => (standing.kind === "trying" ? standing.left : 0);
    return files.toSorted(
      ({ entry: { standing: x } }, { entry: { standing: y } }) => rank[x.kind] - rank[y.kind] || left(y) - left(x),
    );
  }

  /** @throws {Failure<"no-boot-entry">} */
  async #file(set: SetName): Promise<{ name: string; entry: BootEntry }> {
    const file = (await this.#entryFiles()).find(({ entry }) => entry.set === set);
    if (file !== undefined) return file;
    throw new Failure("no-boot-entry", `cannot find the boot entry of set ${set.toUpperCase()} in ${this.#entries}`);
  }

  async #rename(from: string, to: string): Promise<void> {
    if (from === to) return;
    await this.#files.rename(join(this.#entries, from), join(this.#entries, to));
    await this.#files.syncDirectory(this.#entries);
  }

  async #sizeOf(path: string): Promise<number> {
    try {
      return await this.#files.size(path);
    } catch (error) {
      if (isNotFound(error)) return 0;
      throw error;
    }
  }
}

/** What `signpost status` prints. */
export function describeStandings({ active, entries, next }: Standings): string {
  const lines = setNames.map((set) => {
    const entry = entries[set];
    if (entry === undefined) return `Set ${set.toUpperCase()}:   empty`;
    const { standing } = entry;
    const health =
      standing.kind === "successful"
        ? "successful=true"
        : standing.kind === "staged"
          ? `staged, tries_left=${standing.tries} successful=false`
          : `tries_left=${standing.left} tries_done=${standing.done} successful=false`;
    return `Set ${set.toUpperCase()}:   ${entry.version} priority=${entry.priority} ${health}`;
  });
  return [
    ...lines,
    `Active:  Set ${active.toUpperCase()}`,
    `Next:    ${next === undefined ? "None" : `Set ${next.toUpperCase()}`}`,
  ].join("\n");
}
