/**
 * A version that was started and did not prove healthy: noticed by the set the host went back to.
 *
 * The boot loader's entry tells that it happened: its tries are used up. The failed set itself may have left the reason
 * on the private partition, which both sets share; of one that could not, `last-words.ts` knows what there is to know.
 */
import { dirname } from "node:path";
import { z } from "zod";
import { isFailure } from "../../lib/failure.ts";
import { readTextIfPresent, removeIfPresent, writeFileAtomic } from "../../lib/files.ts";
import { parseJson } from "../../lib/json.ts";
import { hostPath, type System } from "../system.ts";
import { otherSet, type BootEntry } from "./boot-entry.ts";
import { takePanic, wasRefused, wasResetByWatchdog } from "./last-words.ts";
import type { Held } from "./memory.ts";
import type { Sets } from "./signpost.ts";

const path = "/var/lib/orlop/update-failure.json";
const failure = z.object({ version: z.string(), at: z.iso.datetime(), reason: z.string() });

/** Written by the set that failed, before it reboots. */
export async function leaveReason(system: System, version: string, reason: string): Promise<void> {
  const left = { version, at: system.clock.now().toISOString(), reason };
  await writeFileAtomic(hostPath(system, path), JSON.stringify(left), 0o600, system.storage);
}

/** Before a version is started: what it left when it failed here earlier is no reason any more. */
export async function forgetReason(system: System): Promise<void> {
  const file = hostPath(system, path);
  if (await removeIfPresent(file, system.storage)) await system.storage.syncDirectory(dirname(file));
}

/** The version that this host came back from, unless it is among those that are known. */
export async function noticeReturn(system: System, sets: Sets, known: readonly Held[]): Promise<Held | undefined> {
  const panic = await panicBefore(system, sets);
  const entry = sets.entries[otherSet(sets.active)];
  if (entry?.standing.kind !== "trying" || entry.standing.done === 0) return undefined;
  if (known.some(({ version }) => version === entry.version)) return undefined;
  const left = await readReason(system);
  if (left?.version === entry.version) return left;
  return {
    version: entry.version,
    at: system.clock.now().toISOString(),
    reason: await lastWords(system, entry, panic),
  };
}

/** Of the boot before this one. A set on trial leaves it to the one that it would go back to. */
async function panicBefore(system: System, { active, entries }: Sets): Promise<string | undefined> {
  if (entries[active]?.standing.kind !== "successful") return undefined;
  const panic = await takePanic(system);
  if (panic !== undefined) system.log.info(`boot: the kernel of the boot before panicked: ${panic}`);
  return panic;
}

async function lastWords(system: System, entry: BootEntry, panic: string | undefined): Promise<string> {
  if (panic !== undefined) return `its kernel panicked: ${panic}`;
  if (await wasRefused(system, entry)) {
    return "the firmware refused to start its kernel: the file is damaged, or not signed by a key that is enrolled here";
  }
  if (await wasResetByWatchdog(system)) {
    return "the watchdog reset the machine: its kernel hung, or systemd did";
  }
  return "it was started and ended without a word: it was reset or lost power, or its kernel ended before it could log";
}

async function readReason(system: System): Promise<Held | undefined> {
  const text = await readTextIfPresent(hostPath(system, path), system.storage);
  if (text === undefined) return undefined;
  try {
    return failure.parse(parseJson(text));
  } catch (error) {
    if (!isFailure(error, "bad-json") && !(error instanceof z.ZodError)) throw error;
    system.log.error(`update: cannot read why the last update failed from ${path}`, error);
    return undefined;
  }
}
