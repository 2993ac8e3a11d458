/** Where a machine keeps what it is made of, and what other processes must know to find it while it runs. */
import { readdir } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { z } from "zod";
import { isNotFound } from "../lib/failure.ts";
import { writeFileAtomic } from "../lib/files/files.ts";
import { readRecord } from "../lib/files/record.ts";
import { processIdentity } from "./process-identity.ts";
import { files } from "./qemu/qemu.ts";

/** Machines by name, beside what the builder makes. */
export const machinesDirectory = resolve(import.meta.dir, "../build/machines");

/** Written when the machine is switched on; the machine runs as long as `process` lives. */
const record = z.object({
  name: z.string(),
  image: z.string(),
  startedAt: z.iso.datetime(),
  process: processIdentity,
  /** Where in the console's log this start begins. */
  consoleFrom: z.number().int(),
  /** Port of this computer's loopback behind which the guest's remote API is. */
  apiPort: z.number().int(),
  /** The same for the guest's kubelet, on machines that have one. */
  kubeletPort: z.number().int().exactOptional(),
});
export type MachineRecord = z.infer<typeof record>;

export type MachineFiles = ReturnType<typeof machineFiles>;

export function machineFiles(directory: string) {
  const inside = (name: string): string => join(directory, name);
  return {
    directory,
    record: inside("machine.json"),
    disk: inside("disk.qcow2"),
    dataDisk: inside("data.qcow2"),
    ephemeralDisk: (at: number) => inside(`ephemeral-${at}.qcow2`),
    firmwareVariables: inside("variables.fd"),
    userData: inside("user-data"),
    networkConfig: inside("net.toml"),
    consoleLog: inside(files.consoleLog),
    console: inside(files.console),
    shell: inside(files.shell),
    qmp: inside(files.qmp),
    tpmState: inside(files.tpmState),
    qemuLog: inside("qemu.log"),
    ca: inside("ca.crt"),
    certificate: inside("client.crt"),
    key: inside("client.key"),
  } as const;
}

export async function writeRecord(directory: string, value: MachineRecord): Promise<void> {
  await writeFileAtomic(machineFiles(directory).record, `${JSON.stringify(value, null, 2)}\n`);
}

/** Undefined when no machine was ever switched on there. @throws {Failure<"damaged-record">} */
export async function readMachineRecord(directory: string): Promise<MachineRecord | undefined> {
  const remedy = `\`./orlop down ${basename(directory)}\` ends the machine, if it runs, and removes what it left`;
  return await readRecord(machineFiles(directory).record, record, remedy);
}

/** Directories that hold a machine, running or not. */
export async function machineNames(parent: string): Promise<string[]> {
  try {
    const entries = await readdir(parent, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
      .toSorted();
  } catch (error) {
    if (isNotFound(error)) return [];
    throw error;
  }
}
