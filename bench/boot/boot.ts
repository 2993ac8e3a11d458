/**
 * How long a boot takes, from the start of the kernel, by the guest's own clock.
 *
 * Ours is the `dev` image; the peer is stock Debian 13 with systemd and containerd; the limit is the image's kernel with
 * an init that only prints. All under the same QEMU with the same processors and memory, one after the other in turns,
 * so that what else this computer does hits all of them.
 */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { builtImage } from "../../cli/built-image.ts";
import { buildDirectory } from "../../cli/context.ts";
import { openToolsRoot, type ToolsRoot } from "../../image/packages/tools-root.ts";
import { efiSection } from "../../lib/efi/efi-sections.ts";
import { say } from "../../lib/progress.ts";
import { waitForLine } from "../../vm/qemu/console.ts";
import { makeCredentials } from "../../vm/credentials.ts";
import { GuestShell } from "../../vm/guest-shell.ts";
import { createMachine } from "../../vm/machine.ts";
import { files } from "../../vm/qemu/qemu.ts";
import { withRemoteAccess } from "../../vm/user-data.ts";
import { bootTimeoutMs, inTime, microseconds, reachedAt, startDebian, startGuest } from "../guests.ts";
import { computer, median, type BenchReport } from "../report.ts";
import { makeStockDebian, type StockDebian } from "../stock-debian.ts";
import { tinyInitramfs, words } from "./tiny-init.ts";

const rounds = 3;
export const size = { cpus: 2, memoryMiB: 2048 };

/** Seconds since the kernel started. */
export type OurBoot = {
  userspace: number;
  api: number;
  configured: number;
  multiUser: number;
  /** What the kernel has taken for its own objects once the boot has ended. */
  slabBytes: number;
};
type Theirs = { userspace: number; multiUser: number };

export async function benchBoot(signal: AbortSignal): Promise<BenchReport> {
  const tools = await openToolsRoot();
  const { image, manifest } = await builtImage({ variant: "dev", architecture: "x86_64" }, signal);
  const directory = join(buildDirectory, "bench");
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  try {
    say("making a stock Debian");
    const debian = await makeStockDebian(tools, join(directory, "debian"), signal);
    const kernel = join(directory, "kernel");
    const unified = join(buildDirectory, manifest.unifiedImage.name);
    await writeFile(kernel, efiSection(await readFile(unified), ".linux", unified));
    const [ours, theirs, least]: [OurBoot[], Theirs[], number[]] = [[], [], []];
    for (let round = 1; round <= rounds; round++) {
      say(`round ${round} of ${rounds}`);
      ours.push(await bootOurs(image, join(directory, "ours"), signal));
      theirs.push(await bootDebian(tools, debian, join(directory, "theirs"), signal));
      least.push(await bootLeast(tools, kernel, join(directory, "least"), signal));
    }
    return report(ours, theirs, least);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function report(ours: readonly OurBoot[], theirs: readonly Theirs[], least: readonly number[]): BenchReport {
  const our = (name: keyof OurBoot): number => median(ours.map((boot) => boot[name]));
  const their = (name: keyof Theirs): number => median(theirs.map((boot) => boot[name]));
  const limit = median(least);
  const goal = { beside: "peer", atMost: 0.5 } as const;
  const peer = their("multiUser");
  return {
    benchmark: "boot",
    ours: "the dev image, by firmware and systemd-boot",
    peer: "stock Debian 13 with systemd and containerd, started by QEMU; multi-user.target unless the row says otherwise",
    limit: "our kernel with an init that only prints",
    figures: [
      {
        name: "kernel to init of the real root",
        unit: "seconds",
        ours: our("userspace"),
        peer: their("userspace"),
        limit,
      },
      { name: "kernel to API answering", unit: "seconds", ours: our("api"), peer, limit, goal },
      { name: "kernel to configured.target", unit: "seconds", ours: our("configured"), peer, limit },
      { name: "kernel to multi-user.target", unit: "seconds", ours: our("multiUser"), peer, limit, goal },
    ],
    notes: [
      `medians of ${rounds} boots each, in turns; first boots, so ours makes its data partition and reads user data`,
      `QEMU without KVM, ${size.cpus} processors, ${size.memoryMiB} MiB`,
    ],
    computer: computer(),
  };
}

export async function bootOurs(image: string, directory: string, signal: AbortSignal): Promise<OurBoot> {
  await rm(directory, { recursive: true, force: true });
  const credentials = await makeCredentials();
  const userData = withRemoteAccess("", credentials);
  const machine = await createMachine(directory, { image, credentials, userData, shell: true, ...size });
  await using running = await machine.switchOn(signal);
  await using shell = await GuestShell.connect(running.files.shell, inTime(signal));
  await shell.try("systemctl is-system-running --wait", bootTimeoutMs);
  // The journal's monotonic clock starts with the kernel.
  const listening = await shell.run(
    "journalctl -b -u hostd.service -o short-monotonic -g 'api: listening' --no-hostname",
  );
  return {
    userspace: await userspaceStart(shell),
    api: Number(/\[ *([\d.]+)\]/.exec(listening)?.[1]),
    configured: await reachedAt(shell, "configured.target"),
    multiUser: await reachedAt(shell, "multi-user.target"),
    slabBytes: 1024 * Number(await shell.run("sed -n 's/^Slab: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo")),
  };
}

async function bootDebian(
  tools: ToolsRoot,
  debian: StockDebian,
  directory: string,
  signal: AbortSignal,
): Promise<Theirs> {
  await using guest = await startDebian(tools, debian, directory, size, signal);
  const { shell } = guest;
  await shell.try("systemctl is-system-running --wait", bootTimeoutMs);
  const found = { userspace: await userspaceStart(shell), multiUser: await reachedAt(shell, "multi-user.target") };
  await shell.run("sync"); // the next round boots the same disk
  return found;
}

async function bootLeast(tools: ToolsRoot, kernel: string, directory: string, signal: AbortSignal): Promise<number> {
  await mkdir(directory, { recursive: true });
  const initrd = join(directory, "tiny.cpio");
  await writeFile(initrd, tinyInitramfs());
  const commandLine = "console=ttyS0 loglevel=4";
  await using running = await startGuest(tools, directory, size, signal, {
    boot: { kind: "kernel", kernel, initrd, commandLine },
    disks: [],
    shell: false,
  });
  const line = new RegExp(`^\\[ *([\\d.]+)\\] ${words}`);
  const [, seconds] = await waitForLine(join(running.directory, files.consoleLog), line, { signal: inTime(signal) });
  return Number(seconds);
}

/** When systemd of the real root began, in seconds since the kernel started. */
async function userspaceStart(shell: GuestShell): Promise<number> {
  return microseconds(await shell.run("systemctl show --value -p UserspaceTimestampMonotonic"));
}
