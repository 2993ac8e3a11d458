/** Protects: what takes over after a panic is the running kernel of the running set, and starts nothing but the capture. */
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "bun:test";
import { writePartitionSets } from "../../test/worlds/update/partition-sets.ts";
import { efiProgram } from "../../test/worlds/update/update-image.ts";
import { testSystem } from "../../test/worlds/host/system.ts";
import { crashCommandLine, loadCrashKernel } from "./load.ts";

async function machine(reserved: number) {
  const host = await testSystem();
  await writePartitionSets(host, "b", "1.0.0");
  await host.write("/sys/kernel/kexec_crash_size", `${reserved}\n`);
  await host.write("/proc/cmdline", 'crashkernel=256M veritytable="4096 1" quiet\n');
  const image = efiProgram({ ".linux": Buffer.from("the kernel"), ".initrd": Buffer.from("the initrd") });
  await writeFile(join(host.system.root, "efi/EFI/orlop/b.efi"), image);
  const loaded: string[][] = [];
  const load = (kernel: number, initrd: number, commandLine: string): void => {
    loaded.push([readFileSync(kernel, "latin1"), readFileSync(initrd, "latin1"), commandLine]);
  };
  return { host, loaded, load };
}

test("kernel and initrd of the running set are loaded", async () => {
  const { host, loaded, load } = await machine(256 * 1024 ** 2);
  expect(await loadCrashKernel(host.system, load)).toEqual({ reserved: 256 * 1024 ** 2 });
  const commandLine =
    'veritytable="4096 1" quiet nr_cpus=1 irqpoll reset_devices systemd.unit=capture-kernel-dump.service';
  expect(loaded).toEqual([["the kernel", "the initrd", commandLine]]);
});

test("a machine with too little memory loads none, and says so", async () => {
  const { host, loaded, load } = await machine(0);
  expect(await loadCrashKernel(host.system, load)).toEqual({ reserved: 0 });
  expect(loaded).toEqual([]);
});

test("a command line that the kernel would cut off is refused", () => {
  expect(() => crashCommandLine(`quiet ${"x".repeat(2000)}`)).toThrow("cannot load the crash kernel: its command line");
});
