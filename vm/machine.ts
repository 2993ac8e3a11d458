/**
 * A machine as it stands while it is switched off: an image, a disk above it, firmware variables, credentials.
 *
 * ```ts
 * const machine = await createMachine(directory, { image, userData, credentials });
 * await using running = await machine.switchOn(signal);
 * ```
 */
import { copyFile, mkdir, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { ToolsRoot } from "../image/packages/tools-root.ts";
import { defined } from "../lib/defined.ts";
import { assert, Failure, isNotFound } from "../lib/failure.ts";
import type { Credentials } from "./credentials.ts";
import { createEmptyDisk, createFirmwareVariables, createOverlay } from "./disk/disk.ts";
import { machineFiles, writeRecord } from "./machine-files.ts";
import type { Accelerator, CardModel, Disk, DiskBus, Forward, Hardware } from "./qemu/qemu.ts";
import { putOnPrivatePartition } from "./disk/private-partition.ts";
import { guestPlatforms, openGuestTools, type GuestArchitecture } from "./qemu/guest-platform.ts";
import { startQemu } from "./qemu/qemu-process.ts";
import { RunningMachine } from "./running-machine.ts";

/** Port of the guest's remote API. */
const apiPort = 8443;
/** Where kubelet answers. */
const kubeletPort = 10250;

export type MachineOptions = {
  /** Disk image, raw or a `.vmdk`; it is only read. */
  image: string;
  /** What the image is for; x86_64 unless given. */
  architecture?: GuestArchitecture;
  /** Whom the guest will know by its user data. */
  credentials: Credentials;
  userData?: string | Uint8Array;
  /** How the guest gets it; through fw_cfg unless given. Every variant reads the file on the private partition. */
  userDataBy?: "fw-cfg" | "private-partition";
  /** What the system disk is connected by; virtio unless given. */
  systemDiskBus?: DiskBus;
  /** What network cards are; virtio unless given. */
  card?: CardModel;
  /** The manufacturer in the firmware. "Amazon EC2" and "VMware, Inc." have user data in places of their own. */
  vendor?: string;
  /** Strings of the board's maker in SMBIOS. */
  oemStrings?: readonly string[];
  accelerator?: Accelerator;
  cpus?: number;
  memoryMiB?: number;
  /** The system disk is made this large; as large as the image when absent. */
  diskBytes?: number;
  /** A second, empty disk of this size. */
  dataDiskBytes?: number;
  /** What that is connected by; virtio unless given. */
  dataDiskBus?: DiskBus;
  /** Disks of these sizes that the host takes for ephemeral ones. */
  ephemeralDisksBytes?: readonly number[];
  /** An ISO 9660 image. */
  cdRom?: string;
  /** Raw images of sticks on USB. */
  sticks?: readonly string[];
  /** What the firmware tries before the disks, at every start; nothing unless given. */
  startsFrom?: Hardware["startsFrom"];
  /** Files for starting over the network. */
  networkBoot?: Hardware["networkBoot"];
  /** Port of this computer's loopback that answers as the guest's 169.254.169.254:80. */
  metadataPort?: number;
  /** Ports of this computer's loopback that lead to the guest's. */
  publish?: readonly Forward[];
  extraCards?: number;
  /** A last card, on a network of all machines of this computer that name the same UDP port. */
  sharedNetwork?: Hardware["sharedNetwork"];
  /** net.toml, which configures the cards; all ask for addresses by DHCP unless given. */
  networkConfig?: string;
  /** Seconds since 1970 that the guest's clock starts with, at each start; the time of this computer unless given. */
  clockStartsAt?: number;
  /** The guest is a node of a cluster on this computer, which has to reach its kubelet. */
  kubelet?: boolean;
  /** Firmware that knows Secure Boot, in setup mode: the first loader that brings keys has them enrolled. */
  secureBoot?: boolean;
  /** A TPM 2.0, which measures what the firmware starts, and keeps what it knows as long as the machine exists. */
  tpm?: boolean;
  /** A second console for the tests' root shell. */
  shell?: boolean;
  /** The machine goes on when this program ends. */
  outlivesUs?: boolean;
};

export type Machine = {
  readonly directory: string;
  readonly tools: ToolsRoot;
  /** Switches it on; the guest has not started yet when this returns. */
  switchOn(signal: AbortSignal): Promise<RunningMachine>;
};

/**
 * Makes the files of a machine in an empty or missing directory, whose base name becomes the machine's.
 *
 * @throws {Failure<"no-image">}
 */
export async function createMachine(path: string, options: MachineOptions): Promise<Machine> {
  const directory = resolve(path);
  const image = resolve(options.image);
  const files = machineFiles(directory);
  await requireImage(image);
  const architecture = options.architecture ?? "x86_64";
  const tools = await openGuestTools(architecture);
  await mkdir(directory, { recursive: true });
  await createOverlay(tools, image, files.disk, options.diskBytes);
  if (options.dataDiskBytes !== undefined) await createEmptyDisk(tools, files.dataDisk, options.dataDiskBytes);
  for (const [at, bytes] of (options.ephemeralDisksBytes ?? []).entries()) {
    await createEmptyDisk(tools, files.ephemeralDisk(at), bytes);
  }
  await createFirmwareVariables(tools, guestPlatforms[architecture], files.firmwareVariables);
  const privateFiles = new Map<string, string>();
  if (options.userData !== undefined) {
    await writeFile(files.userData, options.userData, { mode: 0o600 });
    if (!isByFwCfg(options)) privateFiles.set("user-data.toml", files.userData);
  }
  if (options.networkConfig !== undefined) {
    await writeFile(files.networkConfig, options.networkConfig);
    privateFiles.set("net.toml", files.networkConfig);
  }
  if (privateFiles.size > 0) await putOnPrivatePartition(tools, { path: files.disk, image }, privateFiles);
  await writeFile(files.ca, options.credentials.ca);
  await writeFile(files.certificate, options.credentials.certificate);
  await writeFile(files.key, options.credentials.key, { mode: 0o600 });
  const hardware = await hardwareOf(directory, options);
  const reads = [
    dirname(image),
    ...(options.cdRom === undefined ? [] : [dirname(resolve(options.cdRom))]),
    ...(options.sticks ?? []).map((path) => dirname(resolve(path))),
    ...(options.networkBoot === undefined ? [] : [options.networkBoot.directory]),
  ];

  return {
    directory,
    tools,
    async switchOn(signal) {
      const consoleFrom = await sizeOf(files.consoleLog);
      const outlivesUs = options.outlivesUs ?? false;
      const { process, ports } = await startQemu(tools, directory, hardware, { reads, outlivesUs, signal });
      const port = ports.get(apiPort);
      assert(port !== undefined, "QEMU does not forward the port that its arguments name");
      const startedAt = new Date().toISOString();
      const kubelet = ports.get(kubeletPort);
      await writeRecord(directory, {
        name: hardware.name,
        image,
        startedAt,
        process,
        apiPort: port,
        ...defined({ kubeletPort: kubelet }),
        consoleFrom,
      });
      const running = await RunningMachine.find(directory);
      if (running !== undefined) return running;
      throw new Error(`machine ${hardware.name} ended as soon as it was switched on`);
    },
  };
}

function isByFwCfg({ userDataBy = "fw-cfg" }: MachineOptions): boolean {
  return userDataBy === "fw-cfg";
}

async function requireImage(path: string): Promise<void> {
  try {
    if ((await stat(path)).isFile()) return;
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  throw new Failure("no-image", `cannot boot ${path}: there is no such file`);
}

async function hardwareOf(directory: string, options: MachineOptions): Promise<Hardware> {
  const files = machineFiles(directory);
  const { systemDiskBus: bus, architecture = "x86_64" } = options;
  const disks: Disk[] = [{ path: files.disk, format: "qcow2", serial: "system", ...defined({ bus }) }];
  if (options.dataDiskBytes !== undefined) {
    disks.push({ path: files.dataDisk, format: "qcow2", serial: "data", ...defined({ bus: options.dataDiskBus }) });
  }
  // The host knows them by their serial numbers.
  for (const [at] of (options.ephemeralDisksBytes ?? []).entries()) {
    disks.push({ path: files.ephemeralDisk(at), format: "qcow2", serial: `eph${at}` });
  }
  return {
    name: basename(directory),
    architecture,
    uuid: crypto.randomUUID(),
    accelerator: options.accelerator ?? "tcg",
    cpus: options.cpus ?? 2,
    memoryMiB: options.memoryMiB ?? 2048,
    boot: {
      kind: "firmware",
      code: guestPlatforms[architecture].firmware[options.secureBoot === true ? "secure" : "plain"],
      variables: files.firmwareVariables,
      secure: options.secureBoot ?? false,
    },
    disks,
    ...(options.cdRom === undefined ? {} : { cdRom: resolve(options.cdRom) }),
    ...(options.sticks === undefined ? {} : { sticks: options.sticks.map((path) => resolve(path)) }),
    ...(options.userData !== undefined && isByFwCfg(options) ? { userData: files.userData } : {}),
    ...defined({ startsFrom: options.startsFrom, networkBoot: options.networkBoot }),
    ...defined({ vendor: options.vendor, card: options.card, oemStrings: options.oemStrings }),
    forwards: [
      ...[apiPort, ...(options.kubelet === true ? [kubeletPort] : [])].map((guestPort) => ({ hostPort: 0, guestPort })),
      ...(options.publish ?? []),
    ],
    ...(options.metadataPort === undefined ? {} : { metadataService: await relay(directory, options.metadataPort) }),
    extraCards: options.extraCards ?? 0,
    ...defined({ sharedNetwork: options.sharedNetwork, clockStartsAt: options.clockStartsAt }),
    tpm: options.tpm ?? false,
    shell: options.shell ?? false,
  };
}

/** QEMU sees the tools root and the machine's directory only, so what it is to start must be in there. */
async function relay(directory: string, port: number): Promise<string[]> {
  const [bun, script] = [join(directory, "bun"), join(directory, "relay.ts")];
  await copyFile(process.execPath, bun);
  await copyFile(join(import.meta.dir, "qemu/relay.ts"), script);
  return [bun, script, String(port)];
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (isNotFound(error)) return 0;
    throw error;
  }
}
