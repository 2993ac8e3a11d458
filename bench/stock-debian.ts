/**
 * The peer of boot and image: Debian 13 as its own installer would make it, by mmdebstrap, with maintainer scripts,
 * its initramfs and what it enables by itself.
 */
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { mirrorOfMachine } from "../image/packages/debian/mirror.ts";
import { runTool, type ToolsRoot } from "../image/packages/tools-root.ts";
import { Failure, isFailure } from "../lib/failure.ts";
import { run } from "../lib/program/process.ts";

/** What a container host needs beside what every Debian has, and the kernel for virtual machines. */
const containerHost: StockOptions = {
  packages: ["linux-image-cloud-amd64", "systemd-sysv", "dbus", "containerd"],
  furnish: async () => {},
};

export type StockOptions = {
  packages: readonly string[];
  /** Lays further files into its root. */
  furnish: (root: string) => Promise<void>;
};

/** Root shells on the consoles, through which the benchmark asks when it was ready. */
const autologin = [
  "[Service]",
  "ExecStart=",
  "ExecStart=-/sbin/agetty --autologin root --noclear --keep-baud 115200,57600,38400,9600 - vt220",
].join("\\n");
const gettyDropIn = "etc/systemd/system/serial-getty@.service.d";

export type StockDebian = { disk: string; kernel: string; initrd: string };

/** Makes it in an empty directory. */
export async function makeStockDebian(
  tools: ToolsRoot,
  directory: string,
  signal: AbortSignal,
  { packages, furnish }: StockOptions = containerHost,
): Promise<StockDebian> {
  const root = join(directory, "root");
  const disk = join(directory, "disk.img");
  await mkdir(directory, { recursive: true });
  await mmdebstrap(
    [
      "--variant=important",
      `--include=${packages.join(",")}`,
      `--customize-hook=mkdir -p "$1/${gettyDropIn}" && printf '${autologin}\\n' > "$1/${gettyDropIn}/autologin.conf"`,
    ],
    root,
    signal,
  );
  await furnish(root);
  await runTool(tools, ["mkfs.ext4", "-q", "-F", "-d", root, disk, "2G"], { binds: [directory], signal });
  const boot = join(root, "boot");
  const names = await readdir(boot);
  const file = (prefix: string): string => join(boot, names.find((name) => name.startsWith(prefix)) ?? prefix);
  return { disk, kernel: file("vmlinuz-"), initrd: file("initrd.img-") };
}

/**
 * Runs mmdebstrap for Debian 13 with the mirror of this machine.
 *
 * @throws {Failure<"no-mmdebstrap" | "not-root">}
 */
export async function mmdebstrap(options: readonly string[], target: string, signal: AbortSignal): Promise<void> {
  if (process.getuid?.() !== 0) {
    throw new Failure("not-root", "cannot make a Debian to compare with: maintainer scripts only run as root");
  }
  const mirror = await mirrorOfMachine();
  const sources = [
    `deb ${mirror.debian} trixie main`,
    `deb ${mirror.debian} trixie-updates main`,
    `deb ${mirror["debian-security"]} trixie-security main`,
  ];
  await rm(target, { recursive: true, force: true });
  try {
    await run(["mmdebstrap", ...options, "trixie", target, ...sources], { signal });
  } catch (error) {
    if (!isFailure(error, "no-such-program")) throw error;
    throw new Failure("no-mmdebstrap", "cannot make a Debian to compare with: mmdebstrap is not installed", {
      hint: "apt-get install mmdebstrap",
      cause: error,
    });
  }
}
