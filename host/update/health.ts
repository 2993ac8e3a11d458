/**
 * Whether this host does its work: what must hold before the version it runs counts as good.
 *
 * Declarative: units active, API answering, boot steps done, reconcilers converged, an address, room on the data
 * partition, and what `settings.updates.health` adds. Every check that does not hold gives a sentence; none means
 * healthy.
 */
import { statfs } from "node:fs/promises";
import type { StatusBody } from "../../api/status.ts";
import { Failure, isFailure } from "../../lib/failure.ts";
import type { Settings } from "../../settings/group.ts";
import type { Orchestrator } from "../../variants/variant.ts";
import { hostPath, type System } from "../system.ts";
import type { NodeCheck } from "./node-ready.ts";

const probeTimeoutMs = 5_000;
const journalLines = 5;
const dataPath = "/local";
/** With less, no container starts. */
const leastFreeBytes = 16 * 1024 * 1024;

/** What `GET /status` tells; rejects when the API does not answer. */
export type AskedStatus = (signal: AbortSignal) => Promise<Pick<StatusBody, "boot" | "reconcilers">>;

export type Health = Pick<Settings["updates"]["health"], "units" | "http-probes" | "timeout-seconds"> & {
  /** On hosts that are to be nodes of Kubernetes. */
  node?: NodeCheck;
};

/** Units that every host needs, and those of its orchestrator. Kubelet's counts only on hosts that are to be nodes. */
export function unitsOf(orchestrator: Orchestrator): readonly string[] {
  const own = { none: [], kubernetes: [], ecs: ["docker.service", "ecs.service"] } as const;
  return ["hostd.service", "systemd-networkd.service", "containerd.service", ...own[orchestrator.kind]];
}

/** What does not hold, a sentence each. */
export async function ailments(
  system: System,
  askStatus: AskedStatus,
  checks: { units: readonly string[]; probes: readonly string[]; node: NodeCheck | undefined },
  signal: AbortSignal,
): Promise<string[]> {
  const node = checks.node === undefined ? [] : [unitAilment(system, "kubelet.service"), checks.node(signal)];
  const found = await Promise.all([
    ...node,
    ...checks.units.map(async (unit) => await unitAilment(system, unit)),
    ...checks.probes.map(async (probe) => await probeAilment(system, probe, signal)),
    hostAilments(askStatus, signal),
    dataAilment(system),
  ]);
  return [...found.flat(), ...networkAilment(system)];
}

/** A version on which a host has no network would be its last one: neither the next update nor a person reaches it. */
function networkAilment(system: System): string[] {
  const addresses = Object.values(system.interfaces()).flatMap((link) => link ?? []);
  const isReachable = addresses.some(({ internal, address }) => !internal && !address.startsWith("fe80:"));
  return isReachable ? [] : ["there is no network: no link has an address"];
}

async function dataAilment(system: System): Promise<string[]> {
  const { bavail, bsize } = await statfs(hostPath(system, dataPath));
  const freeBytes = bavail * bsize;
  return freeBytes >= leastFreeBytes ? [] : [`the data partition is full: ${freeBytes} bytes are left`];
}

async function unitAilment(system: System, unit: string): Promise<string[]> {
  const argv = ["systemctl", "show", "--value", "--property=ActiveState", unit] as const;
  const state = (await system.run(argv, { timeoutMs: 30_000 })).trim();
  if (state === "active") return [];
  const said = await journalOf(system, unit);
  return [`${unit} is ${state === "" ? "unknown" : state}${said === "" ? "" : `; it said: ${said}`}`];
}

async function probeAilment(system: System, probe: string, signal: AbortSignal): Promise<string[]> {
  try {
    const until = AbortSignal.any([signal, AbortSignal.timeout(probeTimeoutMs)]);
    const response = await system.fetch(new URL(probe), { signal: until, redirect: "manual" });
    await response.body?.cancel();
    return response.status >= 200 && response.status < 400 ? [] : [`${probe} answers with status ${response.status}`];
  } catch (error) {
    signal.throwIfAborted();
    return [`${probe} does not answer: ${error instanceof Error ? error.message : Bun.inspect(error)}`];
  }
}

async function hostAilments(askStatus: AskedStatus, signal: AbortSignal): Promise<string[]> {
  let status: Awaited<ReturnType<AskedStatus>>;
  try {
    status = await askStatus(AbortSignal.any([signal, AbortSignal.timeout(probeTimeoutMs)]));
  } catch (error) {
    signal.throwIfAborted();
    return [`the API does not answer: ${error instanceof Error ? error.message : Bun.inspect(error)}`];
  }
  return [
    ...status.boot.flatMap(({ step, state, failure }) => {
      if (state === "failed") return [`the boot step "${step}" failed: ${failure?.message ?? "no reason was given"}`];
      return state === "done" || state === "skipped" ? [] : [`the boot step "${step}" is ${state}`];
    }),
    ...status.reconcilers.flatMap(({ name, state, failure }) =>
      state === "failing" ? [`the reconciler ${name} fails: ${failure?.message ?? "no reason was given"}`] : [],
    ),
  ];
}

async function journalOf(system: System, unit: string): Promise<string> {
  try {
    const argv = ["journalctl", `--unit=${unit}`, `--lines=${journalLines}`, "--output=cat", "--no-pager"] as const;
    return (await system.run(argv, { timeoutMs: 5_000 })).trim().replaceAll("\n", " | ").slice(0, 1000);
  } catch (error) {
    if (error instanceof Failure || isFailure(error)) return ""; // the unit's state is what counts
    throw error;
  }
}
