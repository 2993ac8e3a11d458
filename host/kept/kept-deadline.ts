/**
 * A deadline that outlasts the daemon, and the boot in which it was made.
 *
 * Within a boot it is one of elapsed time, whatever happens to the clock. Another boot knows nothing of that time: it
 * goes by the clock, which may be wrong before chrony has set it, and so never grants more than was left when the
 * deadline was noted, less the time since the machine started. A clock that is ahead ends the deadline early.
 */
import { z } from "zod";
import type { Clock } from "../../lib/clock.ts";
import { readTextIfPresent } from "../../lib/files/files.ts";
import { hostPath, type System } from "../machine/system.ts";

export const keptDeadline = z.object({
  /** What was left when it was noted. */
  seconds: z.number(),
  /** By the clock of that moment. */
  deadline: z.iso.datetime(),
  /** The boot of that moment, and when it is over in its elapsed time. */
  boot: z.object({ id: z.string(), endsAtMs: z.number() }).exactOptional(),
});
export type KeptDeadline = z.infer<typeof keptDeadline>;

/** Undefined where there is no kernel to ask, on a developer's machine; see random(4). */
export async function readBootId(system: System): Promise<string | undefined> {
  return (await readTextIfPresent(hostPath(system, "/proc/sys/kernel/random/boot_id")))?.trim();
}

export function noteDeadline(clock: Clock, bootId: string | undefined, leftMs: number): KeptDeadline {
  return {
    seconds: leftMs / 1000,
    deadline: new Date(clock.now().getTime() + leftMs).toISOString(),
    ...(bootId === undefined ? {} : { boot: { id: bootId, endsAtMs: clock.elapsedMs() + leftMs } }),
  };
}

/** Below 0 when it has passed. */
export function msLeft(clock: Clock, bootId: string | undefined, { seconds, deadline, boot }: KeptDeadline): number {
  if (boot !== undefined && boot.id === bootId) return boot.endsAtMs - clock.elapsedMs();
  const byClock = Date.parse(deadline) - clock.now().getTime();
  return Math.min(byClock, seconds * 1000 - (boot === undefined ? 0 : clock.elapsedMs()));
}
