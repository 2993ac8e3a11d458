/**
 * Stops a container in order, and takes away what is left of it.
 *
 * Whoever stops one may find that it has ended by itself, that somebody else stops it, or that it never was.
 */
import { type Clock, deadline, type Deadline, within } from "../../lib/clock.ts";
import { Failure } from "../../lib/failure.ts";
import { ifThere, isAway, running, snapshotter, type Containerd } from "./containerd/containerd.ts";
import type { Log } from "../machine/system.ts";
import { outputPipe, untilUnread } from "./pipes.ts";

export type ContainerPlace = {
  containerd: Containerd;
  id: string;
  /** For the pipes of its output. */
  directory: string;
  clock: Clock;
  log: Log;
};

/** How a container ended; `stopped` when somebody asked it to. */
export type ContainerExit = { exitCode: number; stopped: boolean };

const SIGTERM = 15;
const SIGKILL = 9;
/** As in Bottlerocket; the unit's own limit is longer. */
const stopMs = 20_000;
/** For containerd to come back after a restart. */
const awayMs = 60_000;
/** For what it said last to be handed on. */
const relayMs = 5_000;

/** Resolves when nothing is left of it, and what it said has been handed on. Undefined when there was none. */
export async function stopContainer(place: ContainerPlace): Promise<ContainerExit | undefined> {
  const { containerd, id, clock } = place;
  const process = (await ifThere(containerd.tasks.get({ containerId: id })))?.process;
  const isRunning = process?.status === running;
  const exitCode = isRunning ? await endContainer(place, exitStatus(place, id)) : process?.exitStatus;
  await removeContainer(containerd, id);
  await untilUnread(clock, outputPipe(place.directory), relayMs);
  return exitCode === undefined ? undefined : { exitCode, stopped: isRunning };
}

/** SIGTERM to its first process, and SIGKILL to all of it when it has not ended after 20 s. */
export async function endContainer<Ended>(
  { containerd, id, clock, log }: ContainerPlace,
  ended: Promise<Ended>,
): Promise<Ended> {
  log.info(`container ${id}: stopping`);
  await ifThere(containerd.tasks.kill({ containerId: id, signal: SIGTERM }));
  const inTime = await within(clock, stopMs, ended);
  if (inTime === undefined) {
    log.info(`container ${id}: still there after ${stopMs / 1000} s, killed`);
    await ifThere(containerd.tasks.kill({ containerId: id, signal: SIGKILL, all: true }));
  }
  return await ended;
}

/** Of a container's first process, or of one executed beside it. Waits on while containerd is restarted. */
export async function exitStatus(
  { containerd, clock }: Pick<ContainerPlace, "containerd" | "clock">,
  id: string,
  execId = "",
): Promise<number> {
  let patience: Deadline | undefined;
  for (;;) {
    try {
      return (await containerd.tasks.wait({ containerId: id, execId })).exitStatus;
    } catch (error) {
      if (!isAway(error)) throw error;
      patience ??= deadline(clock, awayMs);
      if (patience.passed) throw error;
      await clock.sleep(500);
      if ((await there(containerd, id, execId)) === "there") patience = undefined;
    }
  }
}

async function there(containerd: Containerd, id: string, execId: string): Promise<"there" | "away"> {
  try {
    const task = await ifThere(containerd.tasks.get({ containerId: id, execId }));
    if (task !== undefined) return "there";
    throw new Failure("container-lost", `cannot wait for container ${id}: containerd does not know it any more`);
  } catch (error) {
    if (isAway(error)) return "away";
    throw error;
  }
}

/** Whatever is left of an earlier run: task, container and its writable layer. */
export async function removeContainer(containerd: Containerd, id: string): Promise<void> {
  const task = await ifThere(containerd.tasks.get({ containerId: id }));
  if (task?.process?.status === running) {
    await ifThere(containerd.tasks.kill({ containerId: id, signal: SIGKILL, all: true }));
    await ifThere(containerd.tasks.wait({ containerId: id }));
  }
  if (task !== undefined) await ifThere(containerd.tasks.delete({ containerId: id }));
  await ifThere(containerd.containers.delete({ id }));
  await ifThere(containerd.snapshots.remove({ snapshotter, key: id }));
}
