/**
 * Whether this host does its work: what must hold before the version it runs counts as good.
 *
 * Declarative: units active, API answering, boot steps done, reconcilers converged, an address, room on the data
 * partition, and what `settings.updates.health` adds. Every check that does not hold gives a sentence; none means
 * healthy.
 */
import { statfs } from "node:fs/promises";
import type { StatusBody } from "../../api/status.ts";
import { isFailure } from "../../lib/failure.ts";
import type { Settings } from "../../settings/group.ts";
import type { Orchestrator } from "../../variants/variant.ts";
import { containerUnit, type Description } from "../containers/description.ts";
import { writeDescription } from "../containers/described.ts";
import { hostPath, type System } from "../system.ts";
import type { NodeCheck } from "../node-ready.ts";
import { journalOf, kubeletAilment, unitAilment } from "../unit-ailment.ts";

const probeTimeoutMs = 5_000;
/** Longer than the unit's own limit, so that systemd's word comes first. */
const containerTimeoutMs = 330_000;
const dataPath = "/local";
/** With less, no container starts. */
const leastFreeBytes = 16 * 1024 * 1024;

/** What `GET /status` tells; rejects when the API does not answer. */
export type AskedStatus = (signal: AbortSignal) => Promise<Pick<StatusBody, "boot" | "reconcilers">>;

export type Health = Settings["updates"]["health"] & {
  /** On hosts that are to be nodes of Kubernetes. */
  node?: NodeCheck;
};

/** Units that every host needs, and those of its orchestrator. Kubelet's counts only on hosts that are to be nodes. */
export function unitsOf(orchestrator: Orchestrator): readonly string[] {
  const own = { none: [], kubernetes: [], ecs: ["docker.service", "ecs.service"] } as const;
  return ["hostd.service", "systemd-networkd.service", "containerd.service", ...own[orchestrator.kind]];
}

/** What does not hold, a sentence each. Containers are started only when nothing else is wrong. */
export async function ailments(
  system: System,
  askStatus: AskedStatus,
  { units, "http-probes": probes, containers, node }: Omit<Health, "timeout-seconds">,
  signal: AbortSignal,
): Promise<string[]> {
  const found = await Promise.all([
    ...(node === undefined ? [] : [kubeletAilment(system), node(signal)]),
    ...units.map(async (unit) => await unitAilment(system, unit)),
    ...probes.map(async (probe) => await probeAilment(system, probe, signal)),
    hostAilments(askStatus, signal),
    dataAilment(system),
  ]);
  const all = [...found.flat(), ...networkAilment(system)];
  if (all.length > 0) return all;
  const checks = Object.entries(containers).map(async ([name, check]) => await containerAilment(system, name, check));
  return (await Promise.all(checks)).flat();
}

/** A container that runs to its end, as `health-container@.service` does it. */
async function containerAilment(
  system: System,
  name: string,
  { source, command }: Health["containers"][string],
): Promise<string[]> {
  if (source === undefined) return []; // is not accepted by the API
  const description: Description = {
    type: "health",
    name,
    source,
    superpowered: false,
    ...(command === undefined ? {} : { command }),
  };
  await writeDescription(system, description);
  const unit = containerUnit(description);
  try {
    await system.run(["systemctl", "start", unit], { timeoutMs: containerTimeoutMs });
    return [];
  } catch (error) {
    if (!isFailure(error, "exit-status", "timed-out")) throw error;
    const said = await journalOf(system, unit, "--identifier=host-ctr"); // without what systemd says about the unit
    return [`the check ${name} in a container of ${source} fails${said === "" ? "" : `; it said: ${said}`}`];
  }
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
