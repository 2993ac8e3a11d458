/**
 * Running units and what they were started with.
 *
 * For each unit that reads rendered files, `/run/orlop/units` records the hash of those files as they were when the
 * unit last took them in. Before a file is written the record becomes "stale", so a daemon that dies between the
 * write and the restart still restarts the unit when it comes back. Like the units' own state, records end with the boot.
 */
import { join } from "node:path";
import { textsIn, writeFileAtomic } from "../../lib/files/files.ts";
import { hostPath, type System } from "../machine/system.ts";

const recordDirectory = "/run/orlop/units";

/** A hash that no set of files has. */
export const stale = "stale";

/** The recorded hashes by record name. */
export async function readRecords(system: System): Promise<Map<string, string>> {
  return await textsIn(hostPath(system, recordDirectory));
}

export async function writeRecord(system: System, name: string, hash: string): Promise<void> {
  await writeFileAtomic(hostPath(system, join(recordDirectory, name)), hash);
}

/**
 * Which of these units run, or should: a unit that failed, or is starting over and over, waits for better configuration.
 * One that is inactive takes its configuration in when somebody starts it.
 */
export async function unitsThatShouldRun(system: System, units: readonly string[]): Promise<Set<string>> {
  if (units.length === 0) return new Set();
  const output = await system.run(["systemctl", "show", "--property=Id,Names,ActiveState", ...units]);
  const running = new Set<string>();
  for (const paragraph of output.split("\n\n")) {
    const properties = new Map(paragraph.split("\n").map((line) => splitOnce(line.trim(), "=")));
    const state = properties.get("ActiveState") ?? "inactive";
    if (state === "inactive" || state === "deactivating") continue;
    const names = [properties.get("Id") ?? "", ...(properties.get("Names") ?? "").split(" ")];
    for (const name of names) running.add(name);
  }
  return new Set(units.filter((unit) => running.has(unit)));
}

function splitOnce(line: string, separator: string): [string, string] {
  const at = line.indexOf(separator);
  return at < 0 ? [line, ""] : [line.slice(0, at), line.slice(at + 1)];
}
