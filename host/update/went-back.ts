/**
 * A version that was started and did not prove healthy: noticed by the set the host went back to.
 *
 * The boot loader's entry tells that it happened: its tries are used up. The failed set itself may have left the reason
 * on the private partition, which both sets share; a kernel that panicked or hung left none.
 */
import { z } from "zod";
import { isFailure } from "../../lib/failure.ts";
import { readTextIfPresent, writeFileAtomic } from "../../lib/files.ts";
import { parseJson } from "../../lib/json.ts";
import { hostPath, type System } from "../system.ts";
import { otherSet } from "./boot-entry.ts";
import type { Held } from "./memory.ts";
import type { Sets } from "./signpost.ts";

const path = "/var/lib/orlop/update-failure.json";
const failure = z.object({ version: z.string(), at: z.iso.datetime(), reason: z.string() });

/** Written by the set that failed, before it reboots. */
export async function leaveReason(system: System, version: string, reason: string): Promise<void> {
  const left = { version, at: system.clock.now().toISOString(), reason };
  await writeFileAtomic(hostPath(system, path), JSON.stringify(left), 0o600, system.storage);
}

/** The version that this host came back from, unless it is among those that are known. */
export async function noticeReturn(system: System, sets: Sets, known: readonly Held[]): Promise<Held | undefined> {
  const entry = sets.entries[otherSet(sets.active)];
  if (entry?.standing.kind !== "trying" || entry.standing.done === 0) return undefined;
  if (known.some(({ version }) => version === entry.version)) return undefined;
  const left = await readReason(system);
  if (left?.version === entry.version) return left;
  const reason =
    "it was started and did not come up far enough to say why: look at its console for a kernel panic or a hang";
  return { version: entry.version, at: system.clock.now().toISOString(), reason };
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
