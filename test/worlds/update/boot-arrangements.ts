/** Everything that can stand in the entries directory of a host with two sets, as far as decisions go. */
import {
  entryName,
  entryText,
  kernelPath,
  setNames,
  type BootEntry,
  type SetName,
  type Standing,
} from "../../../host/update/boot/boot-entry.ts";
import { SimulatedStorage } from "../../simulator/media/storage.ts";

export type Arrangement = { active: SetName; entries: Partial<Record<SetName, BootEntry>> };

const standings: (Standing | undefined)[] = [
  undefined,
  { kind: "successful" },
  { kind: "staged", tries: 1 },
  { kind: "staged", tries: 3 },
  ...[0, 1, 2].flatMap((left) => [0, 1, 2].map((done) => ({ kind: "trying", left, done }) as const)),
];

/** Either set active, each with every standing or without an entry, the inactive one with every rank. */
export function* arrangements(): Generator<Arrangement> {
  for (const active of setNames) {
    for (const a of standings) {
      for (const b of standings) {
        for (const priority of [1, 2, 3]) {
          const entries: Arrangement["entries"] = {};
          if (a !== undefined) entries.a = { set: "a", priority: 2, standing: a, version: "1.0.0" };
          if (b !== undefined) entries.b = { set: "b", priority, standing: b, version: "1.1.0" };
          yield { active, entries };
        }
      }
    }
  }
}

/** An ESP at /efi with these entries and both kernels. */
export function storageWith({ entries }: Arrangement): SimulatedStorage {
  const storage = new SimulatedStorage();
  storage.mount("fat", "/efi");
  for (const set of setNames) storage.addFile(`/efi${kernelPath(set)}`, "kernel");
  for (const entry of Object.values(entries)) {
    storage.addFile(`/efi/loader/entries/${entryName(entry)}`, entryText(entry));
  }
  return storage;
}
