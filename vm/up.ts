/** What `./orlop up`, `down`, `status`, `console` and `logs` do with machines by name. */
import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { StatusBody } from "../api/status.ts";
import { Failure, isFailure } from "../lib/failure.ts";
import { openToolsRoot } from "../image/packages/tools-root.ts";
import { say } from "../lib/progress.ts";
import { chooseAccelerator } from "./accelerator.ts";
import { makeCredentials } from "./credentials.ts";
import { createMachine, type MachineOptions } from "./machine.ts";
import { machineNames, machinesDirectory } from "./machine-files.ts";
import { RunningMachine } from "./running-machine.ts";
import { withRemoteAccess } from "./user-data.ts";

/** Under emulation, on a busy laptop. With KVM it takes seconds. */
const bootTimeoutMs = 600_000;
/** How long a guest may take to shut down before its power is cut. */
const shutdownTimeoutMs = 20_000;

type GivenHardware =
  | "cpus"
  | "memoryMiB"
  | "diskBytes"
  | "dataDiskBytes"
  | "ephemeralDisksBytes"
  | "publish"
  | "userDataBy"
  | "systemDiskBus"
  | "kubelet";

export type UpOptions = Pick<MachineOptions, GivenHardware> & {
  name: string;
  image: string;
  /** The owner's user data; the remote API is switched on in it. */
  userData?: string;
  /** The machine goes on when this program ends, until `down`. */
  detach: boolean;
};

/**
 * Boots a new machine and waits until its host is configured.
 *
 * When that fails or is interrupted, nothing is left running. The console stays readable after a failure.
 *
 * @throws {Failure<"already-running" | "bad-name" | "bad-user-data" | "machine-ended" | "not-in-time">}
 */
export async function up(
  options: UpOptions,
  signal: AbortSignal,
): Promise<{ machine: RunningMachine; status: StatusBody }> {
  const { name, userData = "", detach, ...hardware } = options;
  const directory = directoryOf(name);
  if ((await RunningMachine.find(directory)) !== undefined) {
    throw new Failure("already-running", `cannot start machine ${name}: it is running`, {
      hint: `end it with \`./orlop down ${name}\`, or choose another name`,
    });
  }
  await rm(directory, { recursive: true, force: true });
  const credentials = await makeCredentials();
  const machine = await createMachine(directory, {
    accelerator: await chooseAccelerator(await openToolsRoot(), hardware.image, signal),
    ...hardware,
    credentials,
    userData: withRemoteAccess(userData, credentials),
    outlivesUs: detach,
  });
  const running = await machine.switchOn(signal);
  try {
    const status = await running.untilConfigured(bootTimeoutMs, signal);
    if (options.kubelet !== true) return { machine: running, status };
    return { machine: running, status: await running.untilStatus(isNode, bootTimeoutMs, signal) };
  } catch (error) {
    await running.cutPower();
    if (signal.aborted) await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

function isNode({ node }: StatusBody): boolean {
  return node?.ready === true;
}

/**
 * Switches a machine off, by force when it does not listen, and removes what it left.
 *
 * @returns whether the guest shut down by itself
 */
export async function down(name: string, signal: AbortSignal): Promise<{ name: string; shutDown: boolean }> {
  const machine = await runningMachine(name);
  const inTime = AbortSignal.any([signal, AbortSignal.timeout(shutdownTimeoutMs)]);
  let shutDown = true;
  try {
    await machine.switchOff(inTime);
  } catch (error) {
    if (!inTime.aborted && !isFailure(error, "cannot-connect", "qmp-failed")) throw error;
    shutDown = false;
    say(`${name} did not shut down: cutting its power`);
    await machine.cutPower();
  }
  await rm(directoryOf(name), { recursive: true, force: true });
  return { name, shutDown };
}

/** @throws {Failure<"no-such-machine">} with the names of those that run */
export async function runningMachine(name: string): Promise<RunningMachine> {
  const machine = await RunningMachine.find(directoryOf(name));
  if (machine !== undefined) return machine;
  const names = (await runningMachines()).map(({ record }) => record.name);
  throw new Failure("no-such-machine", `cannot find machine ${name}: it is not running`, {
    hint: names.length === 0 ? "start it with `./orlop up`" : `these are running: ${names.join(", ")}`,
  });
}

export async function runningMachines(): Promise<RunningMachine[]> {
  const names = await machineNames(machinesDirectory);
  const found = await Promise.all(names.map(async (name) => RunningMachine.find(join(machinesDirectory, name))));
  return found.filter((machine) => machine !== undefined);
}

/** Where the console of a machine is, also after it failed. */
export function directoryOf(name: string): string {
  const directory = join(machinesDirectory, name);
  if (/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/.test(name) && dirname(directory) === machinesDirectory) return directory;
  throw new Failure("bad-name", `cannot name a machine ${JSON.stringify(name)}: expected letters, digits, - and _`);
}
