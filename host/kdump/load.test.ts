/** Protects: what takes over after a panic is the running kernel of the running set, and starts nothing but the capture. */
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "bun:test";
import { authenticodeHash } from "../../lib/efi/authenticode.ts";
import { writePartitionSets } from "../../test/worlds/update/partition-sets.ts";
import { efiProgram } from "../../test/worlds/update/update-image.ts";
import { testSystem } from "../../test/worlds/host/system.ts";
import { crashCommandLine, loadCrashKernel } from "./load.ts";

async function machine(reserved: number) {
  const host = await testSystem();
  await writePartitionSets(host, "b", "1.0.0");
  await host.write("/sys/kernel/kexec_crash_size", `${reserved}\n`);
  await host.write("/proc/cmdline", 'crashkernel=256M veritytable="4096 1" quiet\n');
  const parts = {
    ".linux": Buffer.from("the kernel"),
    ".initrd": Buffer.from("the initrd"),
    ".rest": Buffer.alloc(512),
  };
  const image = efiProgram(parts);
  await writeFile(join(host.system.root, "efi/EFI/orlop/b.efi"), image);
  const loaded: string[][] = [];
  const load = (kernel: number, initrd: number, commandLine: string): boolean => {
    loaded.push([readFileSync(kernel, "latin1"), readFileSync(initrd, "latin1"), commandLine]);
    return true;
  };
  return { host, image, loaded, load };
}

test("kernel and initrd of the running set are loaded", async () => {
  const { host, loaded, load } = await machine(256 * 1024 ** 2);
  expect(await loadCrashKernel(host.system, load)).toEqual({ reserved: 256 * 1024 ** 2 });
  const commandLine =
    'veritytable="4096 1" quiet nr_cpus=1 irqpoll reset_devices systemd.unit=capture-kernel-dump.service';
  expect(loaded).toEqual([["the kernel", "the initrd", commandLine]]);
});

const secureBoot = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
const measurements = "/sys/kernel/security/tpm0/binary_bios_measurements";

test("under Secure Boot only what the firmware measured when it started it is loaded", async () => {
  const { host, image, loaded, load } = await machine(2 ** 20);
  await using _host = host;
  await host.write(secureBoot, "\u0006\0\0\0\u0001", "latin1");
  expect(await loadCrashKernel(host.system, load)).toMatchObject({ refusal: expect.stringContaining("without a TPM") });
  const log = Buffer.concat([Buffer.alloc(100, 7), authenticodeHash(image, "b.efi"), Buffer.alloc(50, 7)]);
  await host.write(measurements, log.toString("latin1"), "latin1");
  expect(await loadCrashKernel(host.system, load)).toEqual({ reserved: 2 ** 20 });
  expect(loaded).toHaveLength(1);
  // A byte of the initrd that was changed on the ESP since the boot.
  const at = image.indexOf("the initrd");
  const changed = Buffer.concat([image.subarray(0, at), Buffer.from("THE"), image.subarray(at + 3)]);
  await writeFile(join(host.system.root, "efi/EFI/orlop/b.efi"), changed);
  const { refusal } = await loadCrashKernel(host.system, load);
  expect(refusal).toBe("/efi/EFI/orlop/b.efi is not what the firmware started");
  expect(loaded).toHaveLength(1);
});

test("a kernel that is locked down and trusts nobody who signed it refuses, which is no failure", async () => {
  const { host } = await machine(2 ** 20);
  await using _host = host;
  const refused = async () => await loadCrashKernel(host.system, () => false);
  await host.write("/sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
  expect(await refused()).toEqual({ reserved: 2 ** 20, refusal: expect.stringContaining("is locked down") });
  await host.write("/sys/kernel/security/lockdown", "[none] integrity confidentiality\n");
  await expect(refused()).rejects.toThrow("cannot load the crash kernel: the kernel does not permit it");
});

test("a machine with too little memory loads none, and says so", async () => {
  const { host, loaded, load } = await machine(0);
  expect(await loadCrashKernel(host.system, load)).toEqual({ reserved: 0 });
  expect(loaded).toEqual([]);
});

test("a command line that the kernel would cut off is refused", () => {
  expect(() => crashCommandLine(`quiet ${"x".repeat(2000)}`)).toThrow("cannot load the crash kernel: its command line");
});
