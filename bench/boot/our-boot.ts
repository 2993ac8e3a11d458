/** A machine of ours that boots, and when it was how far. */
import { rm } from "node:fs/promises";
import type { BootTimeline } from "../../api/machine-view.ts";
import { makeCredentials } from "../../vm/credentials.ts";
import { GuestShell } from "../../vm/guest-shell.ts";
import { createMachine, type Machine } from "../../vm/machine.ts";
import { withRemoteAccess } from "../../vm/user-data.ts";
import { bootTimeoutMs, inTime, microseconds, processorSeconds, reachedAt } from "../guests.ts";

export const size = { cpus: 2, memoryMiB: 2048 };

/** Seconds since the kernel started. */
export type OurBoot = {
  userspace: number;
  api: number;
  configured: number;
  multiUser: number;
  /** How long QEMU's processors worked until multi-user.target, for firmware and boot loader too. */
  processor: number;
  /** What the kernel has taken for its own objects once the boot has ended. */
  slabBytes: number;
};

/** Makes a machine of that image anew, in a directory that is emptied. */
export async function ourMachine(image: string, directory: string): Promise<Machine> {
  await rm(directory, { recursive: true, force: true });
  const credentials = await makeCredentials();
  const userData = withRemoteAccess("", credentials);
  return await createMachine(directory, { image, credentials, userData, shell: true, ...size });
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
    slabBytes: 1024 * Number(await shell.run("sed -n 's/^Slab: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo")),
  };
  const timeline = await (await running.api()).call("getBoot", { signal: inTime(signal) });
  await running.switchOff(inTime(signal));
  return { boot, timeline };
}

/** When systemd of the real root began, in seconds since the kernel started. */
export async function userspaceStart(shell: GuestShell): Promise<number> {
  return microseconds(await shell.run("systemctl show --value -p UserspaceTimestampMonotonic"));
}
