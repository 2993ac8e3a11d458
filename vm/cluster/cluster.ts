/**
 * The cluster that `./orlop cluster` keeps on this computer: a control plane in a process of its own, which goes on until
 * it is taken down.
 */
import { mkdir, open, readFile, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { z } from "zod";
import { machineClock } from "../../lib/clock.ts";
import { afterFailure, Failure, isFailure } from "../../lib/failure.ts";
import { writeFileAtomic } from "../../lib/files/files.ts";
import { start } from "../../lib/program/program.ts";
import { readRecord } from "../../lib/files/record.ts";
import {
  identify,
  isAlive,
  kill,
  processesOf,
  processIdentity,
  type ProcessIdentity,
  untilGone,
} from "../process-identity.ts";
import { type ControlPlane, controlPlanePrograms, joiningSettings } from "./control-plane.ts";
import { type ClusterMinor, clusterMinors } from "./minors.ts";

const directory = resolve(import.meta.dir, "../../build/cluster");
const files = {
  record: join(directory, "cluster.json"),
  log: join(directory, "cluster.log"),
  controlPlane: join(directory, "control-plane"),
} as const;

/** What the cluster is a process of. */
const program = join(import.meta.dir, "cluster-process.ts");

const pollMs = 100;
const endingMs = 20_000;

const record = z.object({
  process: processIdentity,
  startedAt: z.iso.datetime(),
  minor: z.enum(clusterMinors),
  port: z.number().int(),
  ca: z.string(),
  token: z.string(),
  kubeconfig: z.string(),
  kubectl: z.string(),
});
export type Cluster = z.infer<typeof record>;

/** @throws {Failure<"already-running" | "control-plane-failed" | "damaged-record">} */
export async function clusterUp(minor: ClusterMinor, signal: AbortSignal): Promise<Cluster> {
  if ((await findCluster()) !== undefined) {
    throw new Failure("already-running", "cannot start a cluster: it is running", {
      hint: "end it with `./orlop cluster down`",
    });
  }
  // Here, where its progress is seen.
  await controlPlanePrograms(minor, signal);
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await using log = await open(files.log, "w");
  const child = start([process.execPath, program, minor], {
    cwd: resolve(import.meta.dir, "../.."),
    stdout: log.fd,
    stderr: log.fd,
    session: "outlives us",
  });
  const started = await identify(child.pid);
  try {
    for (;;) {
      const cluster = await findCluster();
      if (cluster !== undefined) return cluster;
      if (child.hasEnded) {
        const output = (await readFile(files.log, "utf8")).trim();
        throw new Failure(
          "control-plane-failed",
          `cannot start a cluster: ${output === "" ? "it said nothing" : output}`,
        );
      }
      await machineClock.sleep(pollMs, signal);
    }
  } catch (error) {
    throw await afterFailure(error, async () => {
      if (started !== undefined) await kill(started);
    });
  }
}

/** Called by the process that is the cluster, once nodes can join. */
export async function keepCluster({ minor, port, pki, kubeconfig, programs }: ControlPlane): Promise<void> {
  const self = await identify(process.pid);
  if (self === undefined) throw new Error("expected to find ourselves");
  const cluster: Cluster = {
    process: self,
    startedAt: new Date().toISOString(),
    minor,
    port,
    ca: pki.ca,
    token: pki.token,
    kubeconfig,
    kubectl: programs.kubectl,
  };
  await writeFileAtomic(files.record, `${JSON.stringify(cluster, undefined, 2)}\n`, 0o600);
}

export const controlPlaneDirectory = files.controlPlane;

/** Undefined when none runs. */
export async function findCluster(): Promise<Cluster | undefined> {
  const cluster = await readRecord(files.record, record, "`./orlop cluster down` ends the cluster, if it runs");
  return cluster !== undefined && (await isAlive(cluster.process)) ? cluster : undefined;
}

/** @throws {Failure<"no-cluster" | "damaged-record">} */
export async function runningCluster(): Promise<Cluster> {
  const cluster = await findCluster();
  if (cluster !== undefined) return cluster;
  throw new Failure("no-cluster", "cannot find a cluster: none is running", {
    hint: "start it with `./orlop cluster up`",
  });
}

export async function clusterDown(signal: AbortSignal): Promise<void> {
  for (const cluster of await clusterProcesses()) {
    process.kill(cluster.pid, "SIGTERM");
    const inTime = AbortSignal.any([signal, AbortSignal.timeout(endingMs)]);
    try {
      await untilGone(cluster, inTime);
    } catch (error) {
      if (!inTime.aborted) throw error;
      await kill(cluster); // its parts die with it
    }
  }
  await rm(directory, { recursive: true, force: true });
}

/** The one of the record; when that is damaged, those that run the cluster's program of this clone. */
async function clusterProcesses(): Promise<ProcessIdentity[]> {
  try {
    return [(await runningCluster()).process];
  } catch (error) {
    if (!isFailure(error, "damaged-record")) throw error;
    return await processesOf(program);
  }
}

/** The `settings.kubernetes` of a machine of that name. */
export function settingsToJoin({ port, ca, token }: Cluster, name: string) {
  return joiningSettings({ port, ca, token }, name);
}
