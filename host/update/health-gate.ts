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
/** systemd holds the API's socket: who asks a daemon that does not come up is never refused, and never answered. */
const answerMs = 10_000;

export type Gate = {
  running: string;
  /** Of this variant. */
  units: readonly string[];
  status: AskedStatus;
  /** What settings ask for; asked anew at each check, because user data may set it late. */
  health: (signal: AbortSignal) => Promise<Health>;
  /** For a host whose API has never told settings. */
  fallback: () => Promise<Health>;
  /** How long settings are waited for; 10 s unless given. */
  answerMs?: number;
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

  const startedMs = system.clock.elapsedMs();
  const elapsedMs = (): number => system.clock.elapsedMs() - startedMs;
  let wellSinceMs: number | undefined;
  let health: Health | undefined;
  for (;;) {
    health = (await askedHealth(gate, signal)) ?? health ?? (await gate.fallback());
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

/** Undefined when the API does not answer, which is one of the checks. */
async function askedHealth(
  { health, answerMs: most = answerMs }: Gate,
  signal: AbortSignal,
): Promise<Health | undefined> {
  try {
    return await health(AbortSignal.any([signal, AbortSignal.timeout(most)]));
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}
