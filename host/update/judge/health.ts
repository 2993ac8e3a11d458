/**
 * Whether this host does its work: what must hold before the version it runs counts as good.
 *
 * Declarative: units active, API answering, boot steps done, reconcilers converged, an address, room on the data
 * partition, and what `settings.updates.health` adds. Every check that does not hold, or cannot be made, is an ailment;
 * none means healthy.
 */
import type { StatusBody } from "../../../api/status.ts";
import { defined } from "../../../lib/defined.ts";
import { isFailure, messageOf } from "../../../lib/failure.ts";
import type { Settings } from "../../../settings/groups/group.ts";
import { visibleAddress } from "../../../settings/model/secrecy.ts";
import type { Orchestrator } from "../../../variants/variant.ts";
import { check, type Ailment } from "../../machine/ailment.ts";
import { containerUnit, type Description } from "../../containers/description.ts";
import { writeDescription } from "../../containers/described.ts";
import { notApplied } from "../../reconcile/reconciler.ts";
import type { System } from "../../machine/system.ts";
import type { NodeCheck } from "../../node/node-ready.ts";
import { journalOf, kubeletAilment, unitAilment } from "../../machine/unit-ailment.ts";

const probeTimeoutMs = 5_000;
/** Longer than the unit's own limit, so that systemd's word comes first. */
const containerTimeoutMs = 330_000;
const dataPath = "/local";
/** With less, no container starts. */
const leastFreeBytes = 16 * 1024 * 1024;

/** What `GET /status` tells; rejects when the API does not answer. */
export type StatusRequest = (signal: AbortSignal) => Promise<Pick<StatusBody, "boot" | "reconcilers">>;

export type Health = Settings["updates"]["health"] & {
  /** On hosts that are to be nodes of Kubernetes. */
  node?: NodeCheck;
  /** On instances of a cluster of ECS. */
  ecs?: NodeCheck;
};

/** Units that every host needs, and those of its orchestrator. Kubelet's counts only on hosts that are to be nodes. */
export function unitsOf(orchestrator: Orchestrator): readonly string[] {
  const ofOrchestrator = { none: [], kubernetes: [], ecs: ["docker.service", "ecs.service"] } as const;
  return ["hostd.service", "systemd-networkd.service", "containerd.service", ...ofOrchestrator[orchestrator.kind]];
}

export type Checks = Omit<Health, "timeout-seconds"> & {
  /** Those that this host needs, whatever settings name. */
  hostUnits: readonly string[];
};

/**
 * What does not hold. Containers are started only when nothing else is wrong that `excused` does not excuse. Rejects
 * only when the signal aborts.
 */
export async function ailments(
  system: System,
  askStatus: StatusRequest,
  checks: Checks,
  excused: (ailment: Ailment) => boolean,
  signal: AbortSignal,
): Promise<Ailment[]> {
  const { units, "http-probes": probes, containers } = checks;
  const all = await Promise.all([
    baseAilments(system, askStatus, checks, signal),
    ...units.map(async (unit) => inexcusable(await unitAilment(system, unit, signal))),
    ...probes.map(async (probe) => await probeAilment(system, probe, signal)),
  ]);
  const present = all.flat();
  if (!present.every(excused)) return present;
  const run = Object.entries(containers).map(
    async ([name, container]) => await containerAilment(system, name, container, signal),
  );
  return [...present, ...(await Promise.all(run)).flat()];
}

/** Of these, what settings name left out. */
export async function baseAilments(
  system: System,
  askStatus: StatusRequest,
  { hostUnits, node, ecs }: Pick<Checks, "hostUnits" | "node" | "ecs">,
  signal: AbortSignal,
): Promise<Ailment[]> {
  const present = await Promise.all([
    ...(node === undefined ? [] : [kubeletAilment(system, signal), nodeAilment(node, signal)]),
    ...(ecs === undefined ? [] : [agentAilment(ecs, signal)]),
    ...hostUnits.map(async (unit) => await unitAilment(system, unit, signal)),
    hostAilments(askStatus, signal),
    dataAilment(system, signal),
    networkAilment(system, signal),
  ]);
  return present.flat();
}

/** What somebody asked for by name is to hold, whether it did before or not. */
function inexcusable(present: readonly Ailment[]): Ailment[] {
  return present.map(({ message }) => ({ message }));
}

async function nodeAilment(node: NodeCheck, signal: AbortSignal): Promise<Ailment[]> {
  return await check("whether the node is ready", signal, async () =>
    (await node(signal)).map((message) => ({ message, known: ["node"] })),
  );
}

async function agentAilment(ecs: NodeCheck, signal: AbortSignal): Promise<Ailment[]> {
  return await check("whether the instance is registered with ECS", signal, async () =>
    (await ecs(signal)).map((message) => ({ message, known: ["ecs"] })),
  );
}

/** A container that runs to its end, as `health-container@.service` does it. */
async function containerAilment(
  system: System,
  name: string,
  { source, command }: Health["containers"][string],
  signal: AbortSignal,
): Promise<Ailment[]> {
  if (source === undefined) return []; // is not accepted by the API
  const description: Description = {
    type: "health",
    name,
    source,
    superpowered: false,
    api: "none",
    ...defined({ command }),
  };
  return await check(`what the check ${name} finds`, signal, async () => {
    await writeDescription(system, description);
    const unit = containerUnit(description);
    try {
      await system.run(["systemctl", "start", unit], { limitMs: containerTimeoutMs });
      return [];
    } catch (error) {
      if (!isFailure(error, "exit-status", "timed-out")) throw error;
      const journal = await journalOf(system, unit, "--identifier=host-ctr"); // without what systemd says about the unit
      return [
        {
          message: `the check ${name} in a container of ${source} fails${journal === "" ? "" : `; it said: ${journal}`}`,
        },
      ];
    }
  });
}

/** A version on which a host has no network would be its last one: neither the next update nor a person reaches it. */
async function networkAilment(system: System, signal: AbortSignal): Promise<Ailment[]> {
  return await check("whether there is a network", signal, () => {
    const addresses = Object.values(system.interfaces()).flatMap((link) => link ?? []);
    const isReachable = addresses.some(({ internal, address }) => !internal && !address.startsWith("fe80:"));
    return isReachable ? [] : [{ message: "there is no network: no link has an address", known: ["network"] }];
  });
}

async function dataAilment(system: System, signal: AbortSignal): Promise<Ailment[]> {
  return await check("how full the data partition is", signal, async () => {
    const { availableBytes } = await system.space(dataPath);
    if (availableBytes >= leastFreeBytes) return [];
    return [{ message: `the data partition is full: ${availableBytes} bytes are left`, known: ["data partition"] }];
  });
}

/** What it says goes where everybody reads: into the journal, onto the console, to the fleet. */
async function probeAilment(system: System, probe: string, signal: AbortSignal): Promise<Ailment[]> {
  const shown = visibleAddress(probe);
  try {
    const until = AbortSignal.any([signal, AbortSignal.timeout(probeTimeoutMs)]);
    const response = await system.fetch(new URL(probe), { signal: until, redirect: "manual" });
    await response.body?.cancel();
    if (response.status >= 200 && response.status < 400) return [];
    return [{ message: `${shown} answers with status ${response.status}` }];
  } catch (error) {
    signal.throwIfAborted();
    return [{ message: `${shown} does not answer: ${messageOf(error)}` }];
  }
}

async function hostAilments(askStatus: StatusRequest, signal: AbortSignal): Promise<Ailment[]> {
  let status: Awaited<ReturnType<StatusRequest>>;
  try {
    status = await askStatus(AbortSignal.any([signal, AbortSignal.timeout(probeTimeoutMs)]));
  } catch (error) {
    signal.throwIfAborted();
    return [{ message: `the API does not answer: ${messageOf(error)}` }];
  }
  return [...status.boot.flatMap(stepAilments), ...status.reconcilers.flatMap(reconcilerAilments)];
}

function stepAilments({ step, state, failure }: StatusBody["boot"][number]): Ailment[] {
  if (state === "done" || state === "skipped") return [];
  if (state !== "failed") return [{ message: `the boot step "${step}" is ${state}` }];
  // Its reconcilers are asked one by one, and have been tried again since.
  if (failure?.code === notApplied) return [];
  const message = `the boot step "${step}" failed: ${failure?.message ?? "no reason was given"}`;
  return [{ message, known: [`boot step ${step}: ${failure?.code ?? ""}`] }];
}

export function reconcilerAilments({ name, state, failure }: StatusBody["reconcilers"][number]): Ailment[] {
  if (state !== "failing") return [];
  const message = `the reconciler ${name} fails: ${failure?.message ?? "no reason was given"}`;
  const undone = failure?.undone ?? [];
  return [undone.length === 0 ? { message } : { message, known: undone.map((step) => `reconciler ${name}: ${step}`) }];
}
