/** A partition to write to, or a file that stands for one. */
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { Failure } from "../../lib/failure.ts";
import { dropPageCache } from "./linux.ts";

export interface BlockDevice extends AsyncDisposable {
  readonly path: string;
  /** How much fits. */
  readonly bytes: number;
  /** Fills the buffer with the bytes from `offset` on. */
  read(offset: number, into: Buffer): Promise<void>;
  write(offset: number, data: Uint8Array): Promise<void>;
  /** Resolves when everything written is on the medium. */
  sync(): Promise<void>;
  /** The next reads come from the medium, not from memory. Only after `sync`. */
  forget(): void;
}

/** @param bytes the size of the partition */
export async function openBlockDevice(path: string, bytes: number): Promise<BlockDevice> {
  // Never O_CREAT: a device that is not there must not become a file in /dev.
  const file = await open(path, constants.O_RDWR);
  return {
    path,
    bytes,
    async read(offset, into) {
      for (let done = 0; done < into.length;) {
        const { bytesRead } = await file.read(into, done, into.length - done, offset + done);
        if (bytesRead === 0)
          throw new Failure("short-device", `cannot read ${path}: it ends at ${offset + done} bytes`);
        done += bytesRead;
      }
    },
    async write(offset, data) {
      if (offset + data.length > bytes) {
        throw new Failure("too-large", `cannot write to ${path}: more than its ${bytes} bytes came`);
      }
      for (let done = 0; done < data.length;) {
        const { bytesWritten } = await file.write(data, done, data.length - done, offset + done);
        done += bytesWritten;
      }
    },
    sync: () => file.datasync(),
    forget: () => dropPageCache(file.fd),
    [Symbol.asyncDispose]: () => file.close(),
  };
}
