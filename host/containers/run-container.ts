/**
 * Runs one container in the foreground, as a unit does: take over what runs already, else start it; wait; stop it in
 * order when told to.
 *
 * The container is containerd's, so it goes on when this program dies, and is taken over when it is started again.
 */
import { once } from "node:events";
import type { Writable } from "node:stream";
import { create, toBinary } from "@bufbuild/protobuf";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { deadline, type Deadline, machineClock } from "../../lib/clock.ts";
import { Failure } from "../../lib/failure.ts";
import { makeFifo } from "../machine/linux.ts";
import type { Log } from "../machine/system.ts";
import { OptionsSchema } from "./containerd/api/runc-options_pb.ts";
import type { Mount } from "./containerd/api/types_pb.ts";
import { ifThere, isAway, running, snapshotter, type Containerd } from "./containerd/containerd.ts";
import { imageLabel } from "./garbage.ts";
import { openToRead } from "./pipes.ts";
import type { PulledImage } from "./image.ts";
import type { Spec } from "./spec/spec.ts";

export type Running = {
  containerd: Containerd;
  id: string;
  /** For the pipes of its output. */
  directory: string;
  systemd: boolean;
  log: Log;
};

type Pipes = { stdout: string; stderr: string };

export type ContainerExit = { exitCode: number; stopped: boolean };

const SIGTERM = 15;
const SIGKILL = 9;
/** As in Bottlerocket; the unit's own limit is longer. */
const stopMs = 20_000;
/** For containerd to come back after a restart. */
const awayMs = 60_000;

/**
 * Starts what `prepare` gives, unless the container runs already. Resolves when it has ended.
 *
 * @param started called when the first process of the container runs
 * @param stop aborts when the container is to be stopped
 */
export async function runContainer(
  context: Running,
  prepare: () => Promise<{ image: PulledImage; spec: Spec }>,
  started: () => void,
  stop: AbortSignal,
): Promise<ContainerExit> {
  const { containerd, id, log } = context;
  const pipes = { stdout: join(context.directory, "stdout"), stderr: join(context.directory, "stderr") };
  const before = await ifThere(containerd.tasks.get({ containerId: id }));
  const isRunning = before?.process?.status === running;
  if (!isRunning) {
    await removeContainer(containerd, id);
    await makePipes(context.directory, pipes);
  }
  await using output = await openPipes(pipes);
  if (isRunning) log.info(`container ${id}: runs already, taken over`);
  else await startContainer(context, await prepare(), pipes);
  started();
  const relayed = output.relay();
  const ended = await untilEnded(context, stop);
  await relayed;
  await removeContainer(containerd, id);
  return ended;
}

/** Everything in the root of a container has one label, whatever its layers say: they are shared. */
function labelledMounts(mounts: Mount[], label: string | undefined): Mount[] {
  if (label === undefined) return mounts;
  return mounts.map((mount) => ({ ...mount, options: [...mount.options, `context="${label}"`] }));
}

async function makePipes(directory: string, pipes: Pipes): Promise<void> {
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true, mode: 0o700 });
  for (const path of Object.values(pipes)) makeFifo(path, 0o600);
}

async function startContainer(
  { containerd, id, systemd, log }: Running,
  { image, spec }: { image: PulledImage; spec: Spec },
  pipes: Pipes,
): Promise<void> {
  const { mounts } = await containerd.snapshots.prepare({
    snapshotter,
    key: id,
    parent: image.chain,
    // The collector keeps a container's snapshot because the container names it, which it does only below.
    labels: { "containerd.io/gc.root": machineClock.now().toISOString() },
  });
  await containerd.containers.create({
    container: {
      id,
      image: image.digest,
      snapshotter,
      snapshotKey: id,
      runtime: { name: "io.containerd.runc.v2" },
      spec: {
        typeUrl: "types.containerd.io/opencontainers/runtime-spec/1/Spec",
        value: Buffer.from(JSON.stringify(spec)),
      },
      labels: { [imageLabel]: image.digest },
    },
  });
  const options = toBinary(OptionsSchema, create(OptionsSchema, { systemdCgroup: systemd }));
  await containerd.tasks.create({
    containerId: id,
    rootfs: labelledMounts(mounts, spec.linux.mountLabel),
    ...pipes,
    options: { typeUrl: "containerd.runc.v1.Options", value: options },
  });
  const { pid } = await containerd.tasks.start({ containerId: id });
  log.info(`container ${id}: started as process ${pid}`);
}

/** The reading ends; the container does not get past its start without them. */
async function openPipes({ stdout, stderr }: Pipes): Promise<AsyncDisposable & { relay(): Promise<unknown> }> {
  const ends = [
    { pipe: await openToRead(stdout), to: process.stdout },
    { pipe: await openToRead(stderr), to: process.stderr },
  ];
  return {
    /** To the last byte. */
    relay: async () =>
      await Promise.all(
        ends.map(async ({ pipe, to }) => {
          await relay(Bun.file(pipe.fd).stream(), to);
        }),
      ),
    async [Symbol.asyncDispose]() {
      for (const { pipe } of ends) await pipe.close();
    },
  };
}

/** No faster than it is taken: what the journal is too slow for waits in the container, not in our memory. */
export async function relay(parts: AsyncIterable<Uint8Array>, to: Writable): Promise<void> {
  for await (const part of parts) if (!to.write(part)) await once(to, "drain");
}

async function untilEnded({ containerd, id, log }: Running, stop: AbortSignal): Promise<ContainerExit> {
  const finished = new AbortController();
  const stopping = async (): Promise<void> => {
    log.info(`container ${id}: stopping`);
    await ifThere(containerd.tasks.kill({ containerId: id, signal: SIGTERM }));
    try {
      await machineClock.sleep(stopMs, finished.signal);
    } catch (error) {
      if (finished.signal.aborted) return; // it ended in time
      throw error;
    }
    log.info(`container ${id}: still there after ${stopMs / 1000} s, killed`);
    await ifThere(containerd.tasks.kill({ containerId: id, signal: SIGKILL, all: true }));
  };
  const onStop = (): void => {
    stopping().catch((error: unknown) => log.error(`container ${id}: cannot stop it`, error));
  };
  if (stop.aborted) onStop();
  else stop.addEventListener("abort", onStop, { once: true });
  try {
    return { exitCode: await exitStatus(containerd, id), stopped: stop.aborted };
  } finally {
    stop.removeEventListener("abort", onStop);
    finished.abort();
  }
}

/** Of a container's first process, or of one executed beside it. Waits on while containerd is restarted. */
export async function exitStatus(containerd: Containerd, id: string, execId = ""): Promise<number> {
  let patience: Deadline | undefined;
  for (;;) {
    try {
      return (await containerd.tasks.wait({ containerId: id, execId })).exitStatus;
    } catch (error) {
      if (!isAway(error)) throw error;
      patience ??= deadline(machineClock, awayMs);
      if (patience.passed) throw error;
      await machineClock.sleep(500);
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
