/**
 * The gate between an update that started and one that counts as good.
 *
 * On trial, the host has until `settings.updates.health.timeout-seconds` to become healthy: as healthy as it was before
 * the update, and in all that settings ask for. If it does, its set is marked successful; if not, the reason is left
 * for the set it goes back to, and its unit reboots (`os/units/mark-successful-boot.service`): the boot loader has no try
 * left for this set.
 *
 * Whatever keeps the gate from looking at something costs no more than the check: it looks again until the time is over.
 */
import { defined } from "../../../lib/defined.ts";
import { messageOf } from "../../../lib/failure.ts";
import { check, type Ailment } from "../../machine/ailment.ts";
import type { System } from "../../machine/system.ts";
import { ailments, type StatusRequest, type Health } from "./health.ts";
import { findSets, requireSets } from "../boot/sets.ts";
import { wasBefore, type Terms } from "./terms.ts";
import { writeFindings } from "./trial-findings.ts";
import { leaveReason } from "./went-back.ts";

const checkEveryMs = 2_000;
/** It must hold twice in a row, this far apart: a unit that crashes every second is active in between. */
const settleMs = 5_000;
/** systemd holds the API's socket: a request to a daemon that does not come up is never refused, and never answered. */
const answerMs = 10_000;

export type HealthGate = {
  running: string;
  /** Of this variant. */
  units: readonly string[];
  status: StatusRequest;
  /** What was promised when this version was made to boot; undefined when nobody knows. */
  terms: Terms | undefined;
  /** What settings ask for now. Without terms, their first answer holds for the trial. */
  health: (signal: AbortSignal) => Promise<Health>;
  /** For a host whose API has never answered with settings. */
  fallback: () => Promise<Health>;
  /** How long settings are waited for; 10 s unless given. */
  answerMs?: number;
};

export type Verdict =
  | { kind: "not-on-trial" }
  /** `excused` fails, and did so before the update. */
  | { kind: "healthy"; seconds: number; excused: string[] }
  | { kind: "unhealthy"; reason: string };

/** Waits until the host is healthy or its time is over; marks the set or leaves the reason. Rejects only on abort. */
export async function proveHealthy(system: System, gate: HealthGate, signal: AbortSignal): Promise<Verdict> {
  const startedMs = system.clock.elapsedMs();
  const elapsedMs = (): number => system.clock.elapsedMs() - startedMs;
  const excuse = (ailment: Ailment): boolean => wasBefore(gate.terms, ailment);
  let wellSinceMs: number | undefined;
  let [promised, latest]: (Health | undefined)[] = [];
  for (;;) {
    const standing = await readStanding(system, signal);
    if (standing.kind === "proved") return { kind: "not-on-trial" };
    latest = (await requestedHealth(gate, signal)) ?? latest;
    promised ??= latest;
    const health = { ...(promised ?? (await gate.fallback())), ...gate.terms?.health };
    const checks = { ...health, ...defined({ node: latest?.node, ecs: latest?.ecs }), hostUnits: gate.units };
    const present = [...standing.ailments, ...(await ailments(system, gate.status, checks, excuse, signal))];
    const worse = present.filter((ailment) => !excuse(ailment));
    const timeoutMs = health["timeout-seconds"] * 1000;
    await writeFindings(system, { missing: worse.map(sentence), deadlineMs: startedMs + timeoutMs });
    if (worse.length > 0) wellSinceMs = undefined;
    else wellSinceMs ??= elapsedMs();
    if (wellSinceMs !== undefined && elapsedMs() - wellSinceMs >= settleMs) {
      worse.push(...(await markSuccessful(system, signal)));
      if (worse.length === 0) return { kind: "healthy", seconds: elapsedMs() / 1000, excused: present.map(sentence) };
    }
    if (worse.length > 0 && elapsedMs() >= timeoutMs) {
      const reason = `not healthy after ${health["timeout-seconds"]} s: ${worse.map(sentence).join("; ")}`;
      await leaveWord(system, gate.running, reason);
      return { kind: "unhealthy", reason };
    }
    await system.clock.sleep(checkEveryMs, signal);
  }
}

const sentence = ({ message }: Ailment): string => message;

/** A set that cannot be looked at counts as one on trial: it cannot be marked either. */
async function readStanding(
  system: System,
  signal: AbortSignal,
): Promise<{ kind: "trying"; ailments: Ailment[] } | { kind: "proved" }> {
  let isTrying = true;
  const ailments = await check("whether this version is on trial", signal, async () => {
    const standings = await (await findSets(system))?.signpost.read();
    isTrying = standings?.entries[standings.active]?.standing.kind === "trying";
    return [];
  });
  return isTrying ? { kind: "trying", ailments } : { kind: "proved" };
}

async function markSuccessful(system: System, signal: AbortSignal): Promise<Ailment[]> {
  try {
    await (await requireSets(system)).signpost.markSuccessfulBoot();
    return [];
  } catch (error) {
    signal.throwIfAborted();
    return [{ message: `cannot mark this set successful: ${messageOf(error)}` }];
  }
}

/** The host goes back whether its reason can be kept or not. */
async function leaveWord(system: System, version: string, reason: string): Promise<void> {
  try {
    await leaveReason(system, version, reason);
  } catch (error) {
    system.log.error("signpost: cannot keep why this host goes back", error);
  }
}

/** Undefined when the API does not answer, which is one of the checks. */
async function requestedHealth(
  { health, answerMs: most = answerMs }: HealthGate,
  signal: AbortSignal,
): Promise<Health | undefined> {
  try {
    return await health(AbortSignal.any([signal, AbortSignal.timeout(most)]));
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}
