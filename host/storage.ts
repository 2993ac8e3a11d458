/**
 * Where the host keeps what must survive a loss of power: partitions, the ESP and the private partition.
 *
 * The seam exists because the simulator must lose power between any two operations. What need not survive, or is only
 * read, is read and written as plain files.
 */
import { open } from "node:fs/promises";
import { realFiles, type Files } from "../lib/files.ts";
import { dropPageCache } from "./linux.ts";
import { openBlockDevice, type BlockDevice } from "./update/block-device.ts";

export interface Storage extends Files {
  /** @param bytes the size of the partition */
  openDevice(path: string, bytes: number): Promise<BlockDevice>;
  /** The next read of a synced file comes from the medium, not from memory. */
  forget(path: string): Promise<void>;
}

export const realStorage: Storage = {
  ...realFiles,
  openDevice: openBlockDevice,
  async forget(path) {
    await using file = await open(path, "r");
    dropPageCache(file.fd);
  },
};
