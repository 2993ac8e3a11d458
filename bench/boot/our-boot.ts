/** A machine of ours that boots, and when it was how far. */
import { rm } from "node:fs/promises";
import type { BootTimeline } from "../../api/machine-view.ts";
import { machineClock } from "../../lib/clock.ts";
import { makeCredentials } from "../../vm/credentials.ts";
import { GuestShell } from "../../vm/guest-shell.ts";
import { createMachine, type Machine } from "../../vm/machine.ts";
import { withRemoteAccess } from "../../vm/user-data.ts";
import { bootTimeoutMs, inTime, microseconds, processorSeconds, reachedAt } from "../guests.ts";

export const size = { cpus: 2, memoryMiB: 2048 };
/** It may be two. */
const firstBootTimeoutMs = 2 * bootTimeoutMs;

/** Seconds since the kernel started. */
export type OurBoot = {
  userspace: number;
  api: number;
  configured: number;
  multiUser: number;
  /** How long QEMU's processors worked until multi-user.target, for firmware and boot loader too. */
  processor: number;
  /** What nobody else could have of the memory once the boot has ended. */
  usedBytes: number;
  /** What the kernel has taken of it for its own objects. */
  slabBytes: number;
};

/** Until the machine is configured, in seconds. */
export type FirstBoot = {
  /** By the clock of this computer. */
  wall: number;
  /** How long QEMU's processors worked. */
  processor: number;
};

/** Makes a machine of that image anew, in a directory that is emptied. */
export async function ourMachine(
  image: string,
  directory: string,
  { userData = "", tpm = false }: { userData?: string; tpm?: boolean } = {},
): Promise<Machine> {
  await rm(directory, { recursive: true, force: true });
  const credentials = await makeCredentials();
  const document = withRemoteAccess(userData, credentials);
  return await createMachine(directory, { image, credentials, userData: document, tpm, shell: true, ...size });
}

/** Switches it on, waits until it is configured, however often it starts for that, and has it switch itself off. */
export async function bootFirst(machine: Machine, signal: AbortSignal): Promise<FirstBoot> {
  const startedMs = machineClock.elapsedMs();
  await using running = await machine.switchOn(signal);
  await running.untilConfigured(firstBootTimeoutMs);
  const wall = (machineClock.elapsedMs() - startedMs) / 1000;
  const processor = await processorSeconds(running.record.process.pid);
  await running.switchOff(inTime(signal));
  return { wall, processor };
}

/** Switches it on, looks, and has it switch itself off. */
export async function bootOurs(
  machine: Machine,
  signal: AbortSignal,
): Promise<{ boot: OurBoot; timeline: BootTimeline }> {
  await using running = await machine.switchOn(signal);
  await using shell = await GuestShell.connect(running.files.shell, inTime(signal));
  await shell.run("systemctl start --quiet multi-user.target", bootTimeoutMs);
  const processor = await processorSeconds(running.record.process.pid);
  await shell.try("systemctl is-system-running --wait", bootTimeoutMs);
  // The journal's monotonic clock starts with the kernel.
  const listening = await shell.run(
    "journalctl -b -u hostd.service -o short-monotonic -g 'api: listening' --no-hostname",
  );
  const boot = {
    userspace: await userspaceStart(shell),
    api: Number(/\[ *([\d.]+)\]/.exec(listening)?.[1]),
    configured: await reachedAt(shell, "configured.target"),
    multiUser: await reachedAt(shell, "multi-user.target"),
    processor,
    ...memoryIn(await shell.run("cat /proc/meminfo")),
  };
  const timeline = await (await running.api()).call("getBoot", { signal: inTime(signal) });
  await running.switchOff(inTime(signal));
  return { boot, timeline };
}

function memoryIn(meminfo: string): Pick<OurBoot, "usedBytes" | "slabBytes"> {
  const bytes = (name: string): number => 1024 * Number(new RegExp(`^${name}: +(\\d+) kB`, "m").exec(meminfo)?.[1]);
  return { usedBytes: bytes("MemTotal") - bytes("MemAvailable"), slabBytes: bytes("Slab") };
}

/** When systemd of the real root began, in seconds since the kernel started. */
export async function userspaceStart(shell: GuestShell): Promise<number> {
  return microseconds(await shell.run("systemctl show --value -p UserspaceTimestampMonotonic"));
}
