/**
 * The crash kernel: waits in memory that `crashkernel=` sets aside, takes over when the running kernel panics, and keeps
 * what that one left (`os/units/capture-kernel-dump.service`).
 *
 * It is the running kernel once more, from the same signed image and with the same verified root, so that there is
 * nothing else to build, to sign and to update. Source: Linux' Documentation/admin-guide/kdump/kdump.rst.
 *
 * The kernel checks the signature of a kernel that it loads, and nobody that of its initrd, which may have been changed on
 * the ESP since the boot. Where Secure Boot is on, the file must therefore be the one that the firmware started: it measures
 * what it starts, and the TPM's log has the hashes. Source: TCG PC Client Platform Firmware Profile,
 * EV_EFI_BOOT_SERVICES_APPLICATION.
 */
import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { authenticodeHash } from "../../lib/efi/authenticode.ts";
import { Failure } from "../../lib/failure.ts";
import { readIfPresent, writeFileAtomic } from "../../lib/files/files.ts";
import { isSecureBoot } from "../machine/firmware.ts";
import { loadPanicKernel } from "../machine/linux.ts";
import { lockdownLevel } from "../machine/security-mode.ts";
import { hostPath, type System } from "../machine/system.ts";
import { type RunningKernel, runningKernel } from "../update/boot/running-kernel.ts";

/** What the kernel has set aside, in bytes. */
const reservedPath = "/sys/kernel/kexec_crash_size";
/** Where kernel and initrd lie while they are loaded; goes with the unit. */
const scratchPath = "/run/kdump";
const captureUnit = "capture-kernel-dump.service";
/** As the kernel takes it on x86_64, without the byte that ends it. */
const longestCommandLine = 2047;

const measurementsPath = "/sys/kernel/security/tpm0/binary_bios_measurements";

/** In bytes; 0 when this machine is too small for `crashkernel=`, and nothing was loaded. Nor is it when that is refused. */
export type Loaded = { reserved: number; refusal?: string };

/** @throws {Failure<"no-partition-sets" | "bad-program" | "system-call" | "too-long">} */
export async function loadCrashKernel(system: System, load = loadPanicKernel): Promise<Loaded> {
  const reserved = Number(await readFile(hostPath(system, reservedPath), "utf8"));
  if (reserved === 0) return { reserved };
  const running = await runningKernel(system);
  const refusal = (await isSecureBoot(system)) ? await whyUnproven(system, running) : undefined;
  if (refusal !== undefined) return { reserved, refusal };
  await using kernel = await openFile(system, "kernel", running.kernel);
  await using initrd = await openFile(system, "initrd", running.initrd);
  const commandLine = crashCommandLine(await readFile(hostPath(system, "/proc/cmdline"), "utf8"));
  if (load(kernel.fd, initrd.fd, commandLine)) return { reserved };
  if ((await lockdownLevel(system)) === "none") {
    throw new Failure("system-call", "cannot load the crash kernel: the kernel does not permit it");
  }
  return {
    reserved,
    refusal: "the kernel is locked down, and knows none of the keys that its own image is signed with",
  };
}

/** Why nobody can tell that this is what the firmware started; undefined when it is. */
async function whyUnproven(system: System, { path, image }: RunningKernel): Promise<string | undefined> {
  const log = await readIfPresent(hostPath(system, measurementsPath));
  if (log === undefined)
    return `Secure Boot is on, and without a TPM nobody can tell whether ${path} is what was started`;
  return log.includes(authenticodeHash(image, path)) ? undefined : `${path} is not what the firmware started`;
}

/** As an open file, which is what the kernel takes. */
async function openFile(system: System, name: "kernel" | "initrd", content: Buffer) {
  const path = hostPath(system, join(scratchPath, name));
  await writeFileAtomic(path, content, 0o600);
  return await open(path);
}

/** The running kernel's, with one processor, and the capture instead of everything else. @throws {Failure<"too-long">} */
export function crashCommandLine(running: string): string {
  const kept = running.trim().replaceAll(/(?:^|\s)(?:crashkernel|systemd\.unit)=\S+/g, "");
  const line = `${kept} nr_cpus=1 irqpoll reset_devices systemd.unit=${captureUnit}`.trim();
  if (Buffer.byteLength(line) > longestCommandLine) {
    throw new Failure("too-long", `cannot load the crash kernel: its command line has ${line.length} bytes`);
  }
  return line;
}
