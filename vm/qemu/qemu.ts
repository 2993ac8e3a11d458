/**
 * What a virtual machine is made of, and the QEMU command line that makes it.
 *
 * QEMU runs in the machine's directory, so sockets and files of the machine have short relative names there: the path
 * of a unix socket may not be longer than 107 bytes. Source: qemu(1), QEMU 10.
 */

import { guestPlatforms, type GuestArchitecture } from "./guest-platform.ts";

/** "tcg" emulates every instruction and always works; "kvm" only where `accelerator.ts` saw a kernel boot with it. */
export type Accelerator = "tcg" | "kvm";

export type Disk = {
  path: string;
  format: "qcow2" | "raw";
  /** In the guest's names below /dev/disk/by-id, for virtio virtio-<serial>; at most 20 bytes. */
  serial: string;
  /** What it is connected by; virtio unless given. */
  bus?: DiskBus;
};
export type DiskBus = "virtio" | "nvme" | "pvscsi";
/** vmxnet3 is VMware's. */
export type CardModel = "virtio-net-pci" | "vmxnet3";

/** `hostPort` 0 lets the kernel choose a free one; `Qmp.forwardedPorts` returns it. */
export type Forward = { hostPort: number; guestPort: number };

export type Boot =
  | { kind: "firmware"; code: string; variables: string; secure?: boolean }
  | { kind: "kernel"; kernel: string; initrd?: string; commandLine: string };

export type Hardware = {
  name: string;
  /** x86_64 unless given. */
  architecture?: GuestArchitecture;
  /** The system UUID in the firmware: the guest's machine id at every boot. */
  uuid?: string;
  /** The manufacturer in the firmware; QEMU by default. */
  vendor?: string;
  /** Strings of the board's maker, in SMBIOS tables of type 11. */
  oemStrings?: readonly string[];
  accelerator: Accelerator;
  cpus: number;
  memoryMiB: number;
  boot: Boot;
  disks: readonly Disk[];
  cdRom?: string;
  /** Raw images of sticks on USB. Nothing is written to them. */
  sticks?: readonly string[];
  /** What the firmware tries before the disks, at every start. Of several sticks it is the first. */
  startsFrom?: "cd-rom" | "stick" | "network";
  /** Files that the first card's network serves by TFTP, and the one that firmware is to start. */
  networkBoot?: { directory: string; file: string };
  /** File whose bytes the guest reads below /sys/firmware/qemu_fw_cfg. */
  userData?: string;
  /** What network cards are; virtio unless given. */
  card?: CardModel;
  forwards: readonly Forward[];
  /** Command that QEMU starts for each connection to 169.254.169.254:80, with the connection as its stdin and stdout. */
  metadataService?: readonly string[];
  /** Further network cards, each on a network of its own with nobody else on it. */
  extraCards: number;
  /**
   * A last card, on a network of all machines of this computer that name the same UDP port. Its address is its own in that
   * network; other cards have a network for themselves, and the same addresses in every machine.
   */
  sharedNetwork?: { port: number; macAddress: string };
  /** A second console, /dev/hvc0, for the tests' root shell; the first one carries kernel messages. */
  shell: boolean;
  /** Seconds since 1970 that the guest's clock starts with; the time of the host when left out. */
  clockStartsAt?: number;
  /** A TPM 2.0, which `chip.ts` starts. */
  tpm?: boolean;
};

/** This computer, as QEMU's network shows it to a guest. */
export const hostOfGuests = "10.0.2.2";

/** Names inside the machine's directory. */
export const files = {
  console: "console.sock",
  consoleLog: "console.log",
  shell: "shell.sock",
  qmp: "qmp.sock",
  tpm: "tpm.sock",
  /** What the TPM remembers. */
  tpmState: "tpm",
} as const;

/** Where the host looks for user data; see host/user-data. */
export const userDataName = "opt/org.orlop.user-data";

/**
 * The network of the metadata service. QEMU's own network answers only for addresses inside it, so a guest that is to
 * find the service at its well-known address lives in that address's network.
 */
const metadataNetwork = "169.254.169.0/24";

/** This computer, as that network shows it to a guest. */
export const hostOfInstances = "169.254.169.2";

/** An option and its value; an option without one stands alone. */
type Option = readonly [string, string?];

/** The arguments behind `qemu-system-…`. `dataDirectories` hold its option ROMs and firmware blobs. */
export function qemuArguments(hardware: Hardware, dataDirectories: readonly string[]): string[] {
  const architecture = hardware.architecture ?? "x86_64";
  const { board, emulatedProcessor } = guestPlatforms[architecture];
  const options: Option[] = [
    ...dataDirectories.map((directory): Option => ["-L", directory]),
    ["-name", hardware.name],
    ...(hardware.uuid === undefined ? [] : [["-uuid", hardware.uuid] as const]),
    ["-nodefaults"],
    ["-no-user-config"],
    ["-display", "none"],
    ["-machine", isSecure(hardware.boot) ? board.secure : board.plain],
    ...(hardware.vendor === undefined ? [] : [["-smbios", `type=1,manufacturer=${escaped(hardware.vendor)}`] as const]),
    ...processor(hardware.accelerator, emulatedProcessor),
    ["-smp", String(hardware.cpus)],
    ["-m", String(hardware.memoryMiB)],
    ...boot(hardware.boot, architecture),
    ...(hardware.oemStrings ?? []).map((text): Option => ["-smbios", `type=11,value=${escaped(text)}`]),
    ...hardware.disks.flatMap(disk),
    ...(hardware.cdRom === undefined ? [] : cdRom(hardware.cdRom, hardware.startsFrom === "cd-rom")),
    ...sticks(hardware.sticks ?? [], hardware.startsFrom === "stick"),
    ...(hardware.userData === undefined ? [] : fwCfg(userDataName, hardware.userData)),
    ...network(hardware),
    ["-device", "virtio-rng-pci"],
    // A watchdog that resets the machine when nobody feeds it, as hardware has.
    ["-device", "i6300esb"],
    ...(hardware.tpm === true ? tpm(guestPlatforms[architecture].tpm) : []),
    ...clock(hardware.clockStartsAt),
    ...consoles(hardware.shell),
    ["-qmp", `unix:${files.qmp},server=on,wait=off`],
  ];
  return options.flatMap(([option, value]) => (value === undefined ? [option] : [option, value]));
}

function processor(accelerator: Accelerator, emulated: string): Option[] {
  switch (accelerator) {
    case "tcg":
      return [
        ["-cpu", emulated],
        ["-accel", "tcg,thread=multi"],
      ];
    case "kvm":
      return [
        ["-cpu", "host"],
        ["-accel", "kvm"],
      ];
  }
}

function isSecure(from: Boot): boolean {
  return from.kind === "firmware" && from.secure === true;
}

function boot(from: Boot, architecture: GuestArchitecture): Option[] {
  switch (from.kind) {
    case "firmware":
      return [
        ...(isSecure(from) && architecture === "x86_64"
          ? [["-global", "driver=cfi.pflash01,property=secure,value=on"] as const]
          : []),
        ["-drive", `if=pflash,unit=0,format=raw,readonly=on,file=${escaped(from.code)}`],
        ["-drive", `if=pflash,unit=1,format=raw,file=${escaped(from.variables)}`],
      ];
    case "kernel":
      return [
        ["-kernel", from.kernel],
        ["-append", from.commandLine],
        ...(from.initrd === undefined ? [] : [["-initrd", from.initrd] as const]),
      ];
  }
}

const diskDevices: Readonly<Record<DiskBus, string>> = { virtio: "virtio-blk-pci", nvme: "nvme", pvscsi: "scsi-hd" };

/**
 * A flush of the guest reaches the host's page cache and no further: a power cut here is the death of QEMU, and what a
 * dead process has written stays written.  The first boot index is the one of a kernel that is given.
 */
function disk({ path, format, serial, bus = "virtio" }: Disk, index: number): Option[] {
  return [
    ["-drive", `if=none,id=disk${index},format=${format},cache=writeback,discard=unmap,file=${escaped(path)}`],
    ...(bus === "pvscsi" ? [["-device", `pvscsi,id=pvscsi${index}`] as const] : []),
    ["-device", `${diskDevices[bus]},drive=disk${index},serial=${serial},bootindex=${index + 1}`],
  ];
}

/** Disks are counted from 1. */
const firstToStart = ",bootindex=0";

function cdRom(path: string, isFirst: boolean): Option[] {
  return [
    ["-drive", `if=none,id=cdrom,media=cdrom,readonly=on,format=raw,file=${escaped(path)}`],
    ["-device", `ide-cd,drive=cdrom,bus=ide.0${isFirst ? firstToStart : ""}`],
  ];
}

function sticks(paths: readonly string[], isFirst: boolean): Option[] {
  if (paths.length === 0) return [];
  return [
    ["-device", "qemu-xhci,id=usb"],
    ...paths.flatMap((path, index): Option[] => [
      ["-drive", `if=none,id=stick${index},readonly=on,format=raw,file=${escaped(path)}`],
      [
        "-device",
        `usb-storage,drive=stick${index},bus=usb.0,removable=on${isFirst && index === 0 ? firstToStart : ""}`,
      ],
    ]),
  ];
}

function fwCfg(name: string, path: string): Option[] {
  return [["-fw_cfg", `name=${name},file=${escaped(path)}`]];
}

function network({
  card = "virtio-net-pci",
  forwards,
  metadataService,
  extraCards,
  sharedNetwork,
  startsFrom,
  networkBoot,
}: Hardware): Option[] {
  const options = forwards.map(({ hostPort, guestPort }) => `hostfwd=tcp:127.0.0.1:${hostPort}-:${guestPort}`);
  if (metadataService !== undefined) {
    const command = metadataService.map(quoted).join(" ");
    options.push(`net=${metadataNetwork}`, escaped(`guestfwd=tcp:169.254.169.254:80-cmd:${command}`));
  }
  if (networkBoot !== undefined) {
    options.push(`tftp=${escaped(networkBoot.directory)}`, `bootfile=${escaped(networkBoot.file)}`);
  }
  const cards = [{ id: "net0", behind: ["user", "id=net0", ...options].join(","), macAddress: macAddressOf(0) }];
  for (let index = 1; index <= extraCards; index++) {
    const id = `net${index}`;
    cards.push({ id, behind: `hubport,id=${id},hubid=${index}`, macAddress: macAddressOf(index) });
  }
  if (sharedNetwork !== undefined) {
    const { port, macAddress } = sharedNetwork;
    const id = "shared";
    cards.push({ id, behind: `socket,id=${id},mcast=230.0.0.1:${port},localaddr=127.0.0.1`, macAddress });
  }
  return cards.flatMap(({ id, behind, macAddress }): Option[] => [
    ["-netdev", behind],
    [
      "-device",
      `${card},netdev=${id},mac=${macAddress}${id === "net0" && startsFrom === "network" ? firstToStart : ""}`,
    ],
  ]);
}

/** Of the first card, which leads to this computer, and of extra ones. */
export function macAddressOf(card: number): string {
  return `52:54:00:12:34:${hexByte(0x56 + card)}`;
}

function tpm(device: string): Option[] {
  return [
    ["-chardev", `socket,id=tpm,path=${files.tpm}`],
    ["-tpmdev", "emulator,id=tpm0,chardev=tpm"],
    ["-device", `${device},tpmdev=tpm0`],
  ];
}

function clock(startsAt: number | undefined): Option[] {
  if (startsAt === undefined) return [];
  return [["-rtc", `base=${new Date(startsAt * 1000).toISOString().slice(0, 19)},clock=vm`]];
}

function consoles(shell: boolean): Option[] {
  const log = `logfile=${files.consoleLog},logappend=on`;
  const first: Option[] = [
    ["-chardev", `socket,id=console,path=${files.console},server=on,wait=off,${log}`],
    ["-serial", "chardev:console"],
  ];
  if (!shell) return first;
  return [
    ...first,
    ["-chardev", `socket,id=shell,path=${files.shell},server=on,wait=off`],
    ["-device", "virtio-serial-pci"],
    ["-device", "virtconsole,chardev=shell"],
  ];
}

/** QEMU ends an option's value at a comma unless it is doubled. */
function escaped(value: string): string {
  return value.replaceAll(",", ",,");
}

/** One word of the command behind `cmd:`, which is split like a shell's line. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

function hexByte(value: number): string {
  return value.toString(16).padStart(2, "0");
}
