/** What `./orlop up`, `down`, `status`, `console` and `logs` do with machines by name. */
import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { StatusBody } from "../api/status.ts";
import { afterFailure, Failure, isFailure } from "../lib/failure.ts";
import { machineArchitecture } from "../image/packages/tools-root.ts";
import { say } from "../lib/progress.ts";
import { chooseAccelerator } from "./qemu/accelerator.ts";
import { makeCredentials } from "./credentials.ts";
import { createMachine, type MachineOptions } from "./machine.ts";
import { machineFiles, machineNames, machinesDirectory } from "./machine-files.ts";
import { openGuestTools } from "./qemu/guest-platform.ts";
import type { Accelerator } from "./qemu/qemu.ts";
import { Qmp } from "./qemu/qmp.ts";
import { RunningMachine } from "./running-machine.ts";
import { connectUnix } from "./qemu/unix-socket.ts";
import { withRemoteAccess } from "./user-data.ts";

/** Under emulation, on a busy laptop. With KVM it takes seconds. */
const bootTimeoutMs = 600_000;
/** How long a guest may take to shut down before its power is cut. */
const shutdownTimeoutMs = 20_000;

type HardwareOptions =
  | "architecture"
  | "cpus"
  | "memoryMiB"
  | "diskBytes"
  | "dataDiskBytes"
  | "ephemeralDisksBytes"
  | "publish"
  | "userDataBy"
  | "systemDiskBus"
  | "kubelet"
  | "tpm";

export type UpOptions = Pick<MachineOptions, HardwareOptions> & {
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
  if (await isRunning(directory)) {
    throw new Failure("already-running", `cannot start machine ${name}: it is running`, {
      hint: `end it with \`./orlop down ${name}\`, or choose another name`,
    });
  }
  await endUnrecorded(directory);
  await rm(directory, { recursive: true, force: true });
  const credentials = await makeCredentials();
  const machine = await createMachine(directory, {
    accelerator: await acceleratorFor(hardware, signal),
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
    throw await afterFailure(error, async () => {
      await running.cutPower();
      if (signal.aborted) await rm(directory, { recursive: true, force: true });
    });
  }
}

/** Another architecture than this computer's is always emulated. */
async function acceleratorFor(
  { image, architecture }: Pick<UpOptions, "image" | "architecture">,
  signal: AbortSignal,
): Promise<Accelerator> {
  if (architecture !== undefined && architecture !== machineArchitecture()) return "tcg";
  return await chooseAccelerator(await openGuestTools(machineArchitecture()), image, signal);
}

function isNode({ node }: StatusBody): boolean {
  return node?.ready === true;
}

/**
 * Switches a machine off, by force when it does not listen, and removes what it left. One whose record is damaged is
 * known by its sockets alone, and ends without being asked.
 *
 * @returns whether the guest shut down by itself
 */
export async function down(name: string, signal: AbortSignal): Promise<{ name: string; shutDown: boolean }> {
  const directory = directoryOf(name);
  let shutDown = false;
  try {
    shutDown = await switchOff(await runningMachine(name), signal);
  } catch (error) {
    if (!isFailure(error, "damaged-record")) throw error;
    await endUnrecorded(directory);
  }
  await rm(directory, { recursive: true, force: true });
  return { name, shutDown };
}

async function switchOff(machine: RunningMachine, signal: AbortSignal): Promise<boolean> {
  const inTime = AbortSignal.any([signal, AbortSignal.timeout(shutdownTimeoutMs)]);
  try {
    await machine.switchOff(inTime);
    return true;
  } catch (error) {
    if (!inTime.aborted && !isFailure(error, "cannot-connect", "qmp-failed")) throw error;
    say(`${machine.record.name} did not shut down: cutting its power`);
    await machine.cutPower();
    return false;
  }
}

/** Ends a QEMU without a record: an `up` that was killed left it, or the record is damaged. */
async function endUnrecorded(directory: string): Promise<void> {
  const { qmp: path } = machineFiles(directory);
  try {
    for (;;) {
      await using qmp = await Qmp.connect(path);
      await qmp.quit();
    }
  } catch (error) {
    if (!isFailure(error, "cannot-connect", "qmp-failed")) throw error;
  }
}

/** A damaged record is of no use, so its machine is asked. */
async function isRunning(directory: string): Promise<boolean> {
  try {
    return (await RunningMachine.find(directory)) !== undefined;
  } catch (error) {
    if (!isFailure(error, "damaged-record")) throw error;
    return await answersQmp(directory);
  }
}

async function answersQmp(directory: string): Promise<boolean> {
  try {
    (await connectUnix(machineFiles(directory).qmp)).destroy();
    return true;
  } catch (error) {
    if (isFailure(error, "cannot-connect")) return false;
    throw error;
  }
}

/** @throws {Failure<"no-such-machine" | "damaged-record">} the first with the names of those that run */
export async function runningMachine(name: string): Promise<RunningMachine> {
  const machine = await RunningMachine.find(directoryOf(name));
  if (machine !== undefined) return machine;
  const names = (await machinesHere()).running.map(({ record }) => record.name);
  throw new Failure("no-such-machine", `cannot find machine ${name}: it is not running`, {
    hint: names.length === 0 ? "start it with `./orlop up`" : `these are running: ${names.join(", ")}`,
  });
}

export type MachineList = {
  running: RunningMachine[];
  /** Those whose record cannot be used: nobody knows whether they run. */
  damaged: { name: string; failure: Failure<"damaged-record"> }[];
};

/** All below a directory that run, or may run. */
export async function machinesHere(parent = machinesDirectory): Promise<MachineList> {
  const machines: MachineList = { running: [], damaged: [] };
  for (const name of await machineNames(parent)) {
    try {
      const machine = await RunningMachine.find(join(parent, name));
      if (machine !== undefined) machines.running.push(machine);
    } catch (error) {
      if (!isFailure(error, "damaged-record")) throw error;
      machines.damaged.push({ name, failure: error });
    }
  }
  return machines;
}

/** Where the console of a machine is, also after it failed. */
export function directoryOf(name: string): string {
  const directory = join(machinesDirectory, name);
  if (/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/.test(name) && dirname(directory) === machinesDirectory) return directory;
  throw new Failure("bad-name", `cannot name a machine ${JSON.stringify(name)}: expected letters, digits, - and _`);
}
