/**
 * Where the host keeps what must survive a loss of power: partitions, the ESP and the private partition.
 *
 * The seam exists because the simulator must lose power between any two operations. What need not survive, or is only
 * read, is read and written as plain files.
 */
import { open } from "node:fs/promises";
import { realFiles, type Files } from "../../lib/files/files.ts";
import { dropPageCache, idleIo } from "./linux.ts";
import { openBlockDevice, type BlockDevice } from "./block-device.ts";

export interface Storage extends Files {
  /** @param bytes the size of the partition */
  openDevice(path: string, bytes: number): Promise<BlockDevice>;
  /** Until it is disposed, what this process reads and writes waits for everybody else's. */
  inBackground(): Promise<AsyncDisposable>;
  /** Fills the buffer from `offset` on; tells how many bytes there were, fewer only at the end of the file. */
  readInto(path: string, offset: number, into: Buffer): Promise<number>;
  /** The next read of a synced file comes from the medium, not from memory. */
  forget(path: string): Promise<void>;
}

export const realStorage: Storage = {
  ...realFiles,
  openDevice: openBlockDevice,
  inBackground: idleIo,
  async readInto(path, offset, into) {
    await using file = await open(path, "r");
    let done = 0;
    for (let read = 1; read > 0 && done < into.length; done += read) {
      read = (await file.read(into, done, into.length - done, offset + done)).bytesRead;
    }
    return done;
  },
  async forget(path) {
    await using file = await open(path, "r");
    dropPageCache(file.fd);
  },
};
