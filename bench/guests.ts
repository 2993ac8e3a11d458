/** Machines that benchmarks boot beside ours, and what is asked of systemd in any of them. */
import { mkdir, readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ToolsRoot } from "../image/packages/tools-root.ts";
import { GuestShell } from "../vm/guest-shell.ts";
import { kill } from "../vm/process-identity.ts";
import { files, type Hardware } from "../vm/qemu/qemu.ts";
import { startQemu } from "../vm/qemu/qemu-process.ts";
import type { StockDebian } from "./stock-debian.ts";

export const bootTimeoutMs = 300_000;

export type GuestSize = Pick<Hardware, "cpus" | "memoryMiB">;

/** Started by QEMU itself, with a root shell. */
export async function startDebian(
  tools: ToolsRoot,
  { disk, kernel, initrd }: StockDebian,
  directory: string,
  size: GuestSize,
  signal: AbortSignal,
): Promise<AsyncDisposable & { shell: GuestShell; pid: number }> {
  const commandLine = "console=ttyS0 root=/dev/vda rw quiet net.ifnames=0";
  const running = await startGuest(tools, directory, size, signal, {
    boot: { kind: "kernel", kernel, initrd, commandLine },
    disks: [{ path: disk, format: "raw", serial: "system" }],
    shell: true,
  });
  try {
    const shell = await GuestShell.connect(join(running.directory, files.shell), inTime(signal));
    return {
      shell,
      pid: running.pid,
      async [Symbol.asyncDispose]() {
        await shell[Symbol.asyncDispose]();
        await running[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await running[Symbol.asyncDispose]();
    throw error;
  }
}

export async function startGuest(
  tools: ToolsRoot,
  directory: string,
  size: GuestSize,
  signal: AbortSignal,
  hardware: Pick<Hardware, "boot" | "disks" | "shell">,
): Promise<AsyncDisposable & { directory: string; pid: number }> {
  await mkdir(directory, { recursive: true });
  await rm(join(directory, files.consoleLog), { force: true });
  const reads = [
    ...hardware.disks.map(({ path }) => dirname(path)),
    ...(hardware.boot.kind === "kernel" ? [dirname(hardware.boot.kernel)] : []),
  ];
  const qemu = await startQemu(
    tools,
    directory,
    { name: "bench", accelerator: "tcg", ...size, ...hardware, forwards: [], extraCards: 0 },
    { reads, writes: hardware.disks.map(({ path }) => dirname(path)), outlivesUs: false, signal },
  );
  return {
    directory,
    pid: qemu.process.pid,
    async [Symbol.asyncDispose]() {
      await kill(qemu.process);
    },
  };
}

/** Of the kernel's clock for programs, on every architecture that we run on: time(7). */
const ticksPerSecond = 100;

/** How long processors have worked for that process, in seconds: utime and stime of proc_pid_stat(5). */
export async function processorSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

export async function reachedAt(shell: GuestShell, unit: string): Promise<number> {
  return microseconds(await shell.run(`systemctl show --value -p ActiveEnterTimestampMonotonic ${unit}`));
}

/** In seconds. */
export function microseconds(text: string): number {
  return Number(text.trim()) / 1e6;
}

export function inTime(signal: AbortSignal): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(bootTimeoutMs)]);
}
