/**
 * A partition set as the boot loader sees it: one small file in `loader/entries` on the ESP.
 *
 * systemd-boot 257 (Boot Loader Specification, type 1, and "Automatic Boot Assessment") reads the tries from the file's
 * name: `orlop-b+1.conf` has one left, `orlop-b+0-1.conf` has used it, `orlop-b.conf` is known to be good. Entries
 * whose tries are used up come last, then the highest `version` wins; we use that field as the priority of the set.
 * A name that does not end in `.conf` is no entry: `orlop-b.staged` holds a set that is written and verified but was
 * not chosen to boot.
 */
import { assert } from "../../../lib/failure.ts";

export const setNames = ["a", "b"] as const;
export type SetName = (typeof setNames)[number];

export function otherSet(set: SetName): SetName {
  return set === "a" ? "b" : "a";
}

/** What the loader still knows about a set's health. */
export type Standing =
  | { kind: "successful" }
  | { kind: "trying"; left: number; done: number }
  /** Verified on disk, but not an entry yet. */
  | { kind: "staged"; tries: number };

export type BootEntry = {
  set: SetName;
  /** The set with the higher one boots; 1 or more. */
  priority: number;
  standing: Standing;
  /** The OS version on the set, for people. */
  version: string;
};

/** Where the loader finds the kernel of a set, from the root of the ESP. */
export function kernelPath(set: SetName): string {
  return `/EFI/orlop/${set}.efi`;
}

export function entryName({ set, standing }: Pick<BootEntry, "set" | "standing">): string {
  switch (standing.kind) {
    case "successful":
      return `orlop-${set}.conf`;
    case "trying":
      return `orlop-${set}+${standing.left}${standing.done === 0 ? "" : `-${standing.done}`}.conf`;
    case "staged":
      return `orlop-${set}.staged`;
  }
}

export function entryText({ set, priority, standing, version }: BootEntry): string {
  assert(Number.isSafeInteger(priority) && priority >= 1, `priority ${priority}`);
  return [
    `title Orlop ${version} (set ${set.toUpperCase()})`,
    "sort-key orlop",
    `version ${priority}`,
    `efi ${kernelPath(set)}`,
    ...(standing.kind === "staged" ? [`# tries ${standing.tries}`] : []),
    "",
  ].join("\n");
}

/** The set a file of the entries directory describes; undefined for a file that is not ours or is damaged. */
export function parseEntry(name: string, text: string): BootEntry | undefined {
  const match = /^orlop-([ab])(?:\+(\d{1,3})(?:-(\d{1,3}))?)?\.(conf|staged)$/.exec(name);
  if (match === null) return undefined;
  const [, set, left, done, ending] = match;
  const field = (key: string): string | undefined => new RegExp(`^${key}[ \\t]+(.+?)[ \\t]*$`, "m").exec(text)?.[1];
  const priority = Number(field("version"));
  const title = /^Orlop (\S+) \(set [AB]\)$/.exec(field("title") ?? "")?.[1];
  if ((set !== "a" && set !== "b") || !Number.isSafeInteger(priority) || priority < 1 || title === undefined)
    return undefined;
  if (field("efi") !== kernelPath(set)) return undefined;
  const standing: Standing =
    ending === "staged"
      ? { kind: "staged", tries: Number(field("# tries") ?? 1) }
      : left === undefined
        ? { kind: "successful" }
        : { kind: "trying", left: Number(left), done: Number(done ?? 0) };
  return { set, priority, standing, version: title };
}

/** Is the file one that `entryName` makes for this set, or what an interrupted write of one has left? */
export function isEntryOf(set: SetName, name: string): boolean {
  return new RegExp(`^\\.?orlop-${set}[+.]`).test(name);
}

/** Would the loader ever start it? The same rule as Bottlerocket's `will_boot`. */
export function willBoot({ standing }: BootEntry): boolean {
  return standing.kind === "successful" || (standing.kind === "trying" && standing.left > 0);
}

/** Which entry the loader starts next: tries that are used up go last, then the higher priority, then the later name. */
export function nextToBoot(entries: readonly BootEntry[]): BootEntry | undefined {
  return entries
    .filter(({ standing }) => standing.kind !== "staged")
    .toSorted(
      (x, y) => Number(willBoot(y)) - Number(willBoot(x)) || y.priority - x.priority || y.set.localeCompare(x.set),
    )[0];
}
