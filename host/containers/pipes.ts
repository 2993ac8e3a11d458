/** Named pipes between us and a container: opened without waiting, since a read or write that waits holds a thread. */
import { constants } from "node:fs";
import { mkdir, open, rm, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { type Clock, deadline, machineClock } from "../../lib/clock.ts";
import { systemErrorCode } from "../../lib/failure.ts";
import { makeFifo } from "../machine/linux.ts";

/** Paths, which may be the same. */
export type OutputPipes = { stdout: string; stderr: string };

/** The one pipe of a container whose outputs the journal has in order. */
export const outputPipe = (directory: string): string => join(directory, "output");

/** In a directory of their own, without what an earlier run left. */
export async function makePipes(directory: string, paths: readonly string[]): Promise<void> {
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true, mode: 0o700 });
  for (const path of paths) makeFifo(path, 0o600);
}

/** Open it before the other end is given out; read it only after, for until then an empty pipe looks like its end. */
export async function openToRead(path: string): Promise<FileHandle> {
  return await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
}

/** For reading too, though nobody does: without a reader a pipe cannot be opened to write. */
export async function openToWrite(path: string): Promise<FileHandle> {
  return await open(path, constants.O_RDWR | constants.O_NONBLOCK);
}

const readPollMs = 20;

/** Resolves when nobody reads the pipe, or it is not there; after that time at the latest. */
export async function untilUnread(clock: Clock, path: string, ms: number): Promise<void> {
  const patience = deadline(clock, ms);
  while (!patience.passed && (await isRead(path))) await clock.sleep(readPollMs);
}

/** Source: fifo(7), a pipe without a reader cannot be opened to write without waiting. */
async function isRead(path: string): Promise<boolean> {
  try {
    const end = await open(path, constants.O_WRONLY | constants.O_NONBLOCK);
    await end.close();
    return true;
  } catch (error) {
    if (["ENXIO", "ENOENT"].includes(systemErrorCode(error) ?? "")) return false;
    throw error;
  }
}

/** How often a full pipe is tried again, from and to. */
const fullMs = { least: 1, most: 50 };

/** Writes all of it, as fast as the other end reads; rejects when the signal aborts. */
export async function writeAll(pipe: FileHandle, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
  let waitMs = fullMs.least;
  for (let at = 0; at < bytes.length;) {
    signal.throwIfAborted();
    try {
      const { bytesWritten } = await pipe.write(bytes, at);
      at += bytesWritten;
      waitMs = fullMs.least;
    } catch (error) {
      if (systemErrorCode(error) !== "EAGAIN") throw error;
      await machineClock.sleep(waitMs, signal);
      waitMs = Math.min(waitMs * 2, fullMs.most);
    }
  }
}
