/**
 * The gate between an update that started and one that counts as good.
 *
 * On trial, the host has until `settings.updates.health.timeout-seconds` to become healthy. If it does, its set is
 * marked successful; if not, the reason is left for the set it goes back to, and it reboots: the boot loader has no try
 * left for this set.
 */
import type { System } from "../system.ts";
import { ailments, type AskedStatus, type Health } from "./health.ts";
import { findSets } from "./sets.ts";
import { leaveReason } from "./went-back.ts";

const checkEveryMs = 2_000;
/** It must hold twice in a row, this far apart: a unit that crashes every second is active in between. */
const settleMs = 5_000;

export type Gate = {
  running: string;
  /** Of this variant. */
  units: readonly string[];
  status: AskedStatus;
  /** What settings ask for; asked anew at each check, because user data may set it late. */
  health: (signal: AbortSignal) => Promise<Health>;
  /** While the API does not tell settings. */
  fallback: Health;
};

export type Verdict =
  | { kind: "not-on-trial" }
  | { kind: "healthy"; seconds: number }
  | { kind: "unhealthy"; reason: string };

/** Waits until the host is healthy or its time is over; marks the set or leaves the reason. */
export async function proveHealthy(system: System, gate: Gate, signal: AbortSignal): Promise<Verdict> {
  const sets = await findSets(system);
  const standing = await sets?.signpost.read();
  if (standing?.entries[standing.active]?.standing.kind !== "trying") return { kind: "not-on-trial" };

  const startedMs = system.clock.now().getTime();
  const elapsedMs = (): number => system.clock.now().getTime() - startedMs;
  let wellSinceMs: number | undefined;
  for (;;) {
    const health = await askedHealth(gate, signal);
    const checks = { ...health, units: [...gate.units, ...health.units] };
    const found = await ailments(system, gate.status, checks, signal);
    if (found.length > 0) wellSinceMs = undefined;
    else wellSinceMs ??= elapsedMs();
    if (wellSinceMs !== undefined && elapsedMs() - wellSinceMs >= settleMs) {
      await sets?.signpost.markSuccessfulBoot();
      return { kind: "healthy", seconds: elapsedMs() / 1000 };
    }
    if (found.length > 0 && elapsedMs() >= health["timeout-seconds"] * 1000) {
      const reason = `not healthy after ${health["timeout-seconds"]} s: ${found.join("; ")}`;
      await leaveReason(system, gate.running, reason);
      return { kind: "unhealthy", reason };
    }
    await system.clock.sleep(checkEveryMs, signal);
  }
}

async function askedHealth({ health, fallback }: Gate, signal: AbortSignal): Promise<Health> {
  try {
    return await health(signal);
  } catch {
    signal.throwIfAborted();
    return fallback; // that the API does not answer is one of the checks
  }
}
