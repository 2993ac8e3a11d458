/**
 * A version that was started and did not prove healthy: noticed by the set the host went back to.
 *
 * The boot loader's entry tells that it happened: its tries are used up. The failed set itself may have left the reason
 * on the private partition, which both sets share; of one that could not, `last-words.ts` knows what there is to know.
 */
import { kept } from "../../kept/things.ts";
import type { System } from "../../machine/system.ts";
import { otherSet, type SetName } from "../boot/boot-entry.ts";
import { readPanic, wasRefused, wasResetByWatchdog, type Panic } from "./last-words.ts";
import type { FailedVersion } from "../memory.ts";
import type { Standings } from "../boot/signpost.ts";

/** Written by the set that failed, before it reboots. */
export async function leaveReason(system: System, version: string, reason: string): Promise<void> {
  await kept.updateFailure.tidy(system);
  await kept.updateFailure.replace(system, { version, at: system.clock.now().toISOString(), reason });
}

export async function isReasonLeft(system: System, version: string): Promise<boolean> {
  return (await kept.updateFailure.read(system))?.version === version;
}

/** Before a version is started: what it left when it failed here earlier is no reason any more. */
export async function forgetReason(system: System): Promise<void> {
  await kept.updateFailure.remove(system);
}

/** The version that this host came back from, as the boot entries tell it, unless it is among those that are known. */
export function returnedFrom(
  { active, entries }: Standings,
  known: readonly FailedVersion[],
  now: Date,
): FailedVersion | undefined {
  const entry = entries[otherSet(active)];
  if (entry?.standing.kind !== "trying" || entry.standing.done === 0) return undefined;
  if (known.some(({ version }) => version === entry.version)) return undefined;
  return { version: entry.version, at: now.toISOString(), reason: "it did not prove healthy", unexplained: true };
}

/**
 * A hold with the reason of the failure: what the set itself left, else what firmware and devices remember. Never
 * rejects: what cannot be read is logged, and counts as nothing known.
 */
export async function explained(
  system: System,
  { active }: Standings,
  { version, at }: FailedVersion,
  panic: string | undefined,
): Promise<FailedVersion> {
  const left = await kept.updateFailure.read(system);
  if (left?.version === version) return left;
  return { version, at, reason: await lastWords(system, otherSet(active), panic) };
}

/** Of the boot before this one. A set on trial leaves it to the one that it would go back to. */
export async function panicBefore(system: System, { active, entries }: Standings): Promise<Panic | undefined> {
  if (entries[active]?.standing.kind !== "successful") return undefined;
  const panic = await readPanic(system);
  if (panic.reason !== undefined) system.log.info(`boot: the kernel of the boot before panicked: ${panic.reason}`);
  return panic;
}

async function lastWords(system: System, set: SetName, panic: string | undefined): Promise<string> {
  if (panic !== undefined) return `its kernel panicked: ${panic}`;
  if (await isConfirmed(system, async () => await wasRefused(system, set))) {
    return "the firmware refused to start its kernel: the file is damaged, or not signed by a key that is enrolled here";
  }
  if (await isConfirmed(system, async () => await wasResetByWatchdog(system))) {
    return "the watchdog reset the machine: its kernel hung, or systemd did";
  }
  return "it was started and ended without a word: it was reset or lost power, or its kernel ended before it could log";
}

async function isConfirmed(system: System, look: () => Promise<boolean>): Promise<boolean> {
  try {
    return await look();
  } catch (error) {
    system.log.error("update: cannot look for a reason why the last update failed", error);
    return false;
  }
}
