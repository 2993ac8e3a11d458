/** The chip of this machine, by way of the kernel, which keeps what one program loads apart from what others do. */
import { open } from "node:fs/promises";
import { isNotFound } from "../../lib/failure.ts";
import type { Transmit } from "../../lib/tpm/tpm.ts";

/** Work with the chip; what it loads there is gone afterwards. Undefined on a machine without one. */
export type Tpm = <T>(work: (transmit: Transmit) => Promise<T>) => Promise<T | undefined>;

const devicePath = "/dev/tpmrm0";
export const withoutTpm: Tpm = async () => await Promise.resolve(undefined);

/** As the kernel has it. */
const responseBytesMost = 4096;

export const machineTpm: Tpm = async (work) => {
  const opened = await openDevice();
  if (opened === undefined) return undefined;
  await using device = opened;
  return await work(async (command) => {
    await device.write(command);
    const response = Buffer.alloc(responseBytesMost);
    const { bytesRead } = await device.read(response, 0, response.length, null);
    return response.subarray(0, bytesRead);
  });
};

async function openDevice() {
  try {
    return await open(devicePath, "r+");
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
