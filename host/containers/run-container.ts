/**
 * Runs one container in the foreground, as a unit does whose work it is to its end: take over what runs already, else
 * start it; wait; stop it in order when told to.
 *
 * The container is containerd's, so it goes on when this program dies, and is taken over when it is started again.
 */
import { once } from "node:events";
import type { Writable } from "node:stream";
import { join } from "node:path";
import { ifThere, running } from "./containerd/containerd.ts";
import { makePipes, openToRead, type OutputPipes } from "./pipes.ts";
import { type Prepared, startTask } from "./start-container.ts";
import {
  type ContainerExit,
  type ContainerPlace,
  endContainer,
  exitStatus,
  removeContainer,
} from "./stop-container.ts";

/**
 * Starts what `prepare` gives, unless the container runs already. Resolves when it has ended.
 *
 * @param stop aborts when the container is to be stopped
 */
export async function runContainer(
  place: ContainerPlace,
  prepare: () => Promise<Prepared>,
  stop: AbortSignal,
): Promise<ContainerExit> {
  const { containerd, id, directory, log } = place;
  const pipes = { stdout: join(directory, "stdout"), stderr: join(directory, "stderr") };
  const before = await ifThere(containerd.tasks.get({ containerId: id }));
  const isRunning = before?.process?.status === running;
  if (!isRunning) {
    await removeContainer(containerd, id);
    await makePipes(directory, Object.values(pipes));
  }
  await using output = await openPipes(pipes);
  if (isRunning) log.info(`container ${id}: runs already, taken over`);
  else await startTask(place, await prepare(), pipes);
  const relayed = output.relay();
  const ended = await untilEnded(place, stop);
  await relayed;
  await removeContainer(containerd, id);
  return ended;
}

/** The reading ends; the container does not get past its start without them. */
async function openPipes({ stdout, stderr }: OutputPipes): Promise<AsyncDisposable & { relay(): Promise<unknown> }> {
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

async function untilEnded(place: ContainerPlace, stop: AbortSignal): Promise<ContainerExit> {
  const { id, log } = place;
  const ended = exitStatus(place, id);
  const onStop = (): void => {
    endContainer(place, ended).catch((error: unknown) => log.error(`container ${id}: cannot stop it`, error));
  };
  if (stop.aborted) onStop();
  else stop.addEventListener("abort", onStop, { once: true });
  try {
    return { exitCode: await ended, stopped: stop.aborted };
  } finally {
    stop.removeEventListener("abort", onStop);
  }
}
