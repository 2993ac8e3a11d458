/**
 * What systemd-boot would start from an ESP, as systemd-boot itself decides it: written from its rules, not from the
 * code that is judged with it.
 *
 * Sources: systemd 257 src/boot/boot.c (boot_entry_parse_tries, boot_entry_add_type1, boot_entry_compare,
 * boot_entry_bump_counters); "Automatic Boot Assessment". Without a default entry, the first of the sorted list starts.
 */
import { join } from "node:path";
import type { SimulatedStorage } from "./storage.ts";

export type LoaderEntry = {
  file: string;
  /** The file's name without its counter. */
  id: string;
  tries: { left: number; done: number } | undefined;
  sortKey: string | undefined;
  version: string;
  /** From the root of the ESP. */
  kernel: string;
};

const entriesDirectory = "loader/entries";

/** What the loader shows, the one it starts first. */
export function loaderEntries(storage: SimulatedStorage, esp: string): LoaderEntry[] {
  const directory = join(esp, entriesDirectory);
  return storage
    .namesIn(directory)
    .flatMap((file) => {
      const text = storage.content(join(directory, file))?.toString("latin1") ?? "";
      const entry = file.startsWith("auto-") ? undefined : entryOf(file, text);
      // An entry whose kernel is not there is left out.
      return entry === undefined || storage.content(join(esp, entry.kernel)) === undefined ? [] : [entry];
    })
    .toSorted(compare);
}

/** Takes a try from the entry before it starts, by the firmware's file system, which writes through. */
export async function countDown(storage: SimulatedStorage, esp: string, entry: LoaderEntry): Promise<void> {
  if (entry.tries === undefined || entry.tries.left === 0) return;
  const { left, done } = entry.tries;
  const name = entry.id.replace(/\.conf$/, `+${left - 1}-${done + 1}.conf`);
  const directory = join(esp, entriesDirectory);
  // UEFI 2.10, 13.5 "EFI_FILE_PROTOCOL.SetInfo()": no file gets a name that another one has. systemd-boot goes on without.
  if (storage.namesIn(directory).includes(name)) return;
  // The few names of this directory share a sector, and firmware writes whole sectors.
  await storage.renameAtomically(join(directory, entry.file), join(directory, name));
  await storage.syncDirectory(directory);
}

function entryOf(file: string, text: string): LoaderEntry | undefined {
  const match = /^([^+]*)(?:\+(\d+)(?:-(\d+))?)?\.conf$/i.exec(file);
  if (match === null) return undefined;
  const fields = new Map<string, string>();
  for (const line of text.split(/[\r\n\0]+/)) {
    const [, key, value] = /^\s*([^#\s]\S*)\s+(.*?)\s*$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined) fields.set(key, value.replace(/^"(.*)"$/, "$1"));
  }
  const kernel = fields.get("efi") ?? fields.get("linux") ?? fields.get("uki");
  if (kernel === undefined) return undefined;
  const [, stem = "", left, done] = match;
  return {
    file,
    id: `${stem}.conf`,
    tries: left === undefined ? undefined : { left: Number(left), done: Number(done ?? 0) },
    sortKey: fields.get("sort-key"),
    version: fields.get("version") ?? "",
    kernel,
  };
}

function compare(x: LoaderEntry, y: LoaderEntry): number {
  const isUsedUp = ({ tries }: LoaderEntry): number => Number(tries?.left === 0);
  if (isUsedUp(x) !== isUsedUp(y)) return isUsedUp(x) - isUsedUp(y);
  if ((x.sortKey === undefined) !== (y.sortKey === undefined)) return x.sortKey === undefined ? 1 : -1;
  if (x.sortKey !== undefined && y.sortKey !== undefined) {
    if (x.sortKey !== y.sortKey) return x.sortKey < y.sortKey ? -1 : 1;
    const versions = compareWords(y.version, x.version);
    if (versions !== 0) return versions;
  }
  const ids = compareWords(y.id, x.id);
  if (ids !== 0) return ids;
  if (x.tries === undefined || y.tries === undefined) return 0;
  return y.tries.left - x.tries.left || x.tries.done - y.tries.done;
}

/** As strverscmp_improved does for words of letters and whole numbers, which is all that entries here have. */
function compareWords(x: string, y: string): number {
  const [a, b] = [x, y].map((text) => text.match(/\d+|[^\d]+/g) ?? []);
  for (let at = 0; at < Math.max(a?.length ?? 0, b?.length ?? 0); at++) {
    const [left = "", right = ""] = [a?.[at], b?.[at]];
    const numbers = /^\d/.test(left) && /^\d/.test(right) ? Number(left) - Number(right) : 0;
    if (numbers !== 0) return numbers;
    if (left !== right && !(/^\d/.test(left) && /^\d/.test(right))) return left < right ? -1 : 1;
  }
  return 0;
}
