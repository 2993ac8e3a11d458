/** Named pipes between us and a container: opened without waiting, since a read or write that waits holds a thread. */
import { constants } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { machineClock } from "../../lib/clock.ts";
import { systemErrorCode } from "../../lib/failure.ts";

/** Open it before the other end is given out; read it only after, for until then an empty pipe looks like its end. */
export async function openToRead(path: string): Promise<FileHandle> {
  return await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
}

/** For reading too, though nobody does: without a reader a pipe cannot be opened to write. */
export async function openToWrite(path: string): Promise<FileHandle> {
  return await open(path, constants.O_RDWR | constants.O_NONBLOCK);
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
