/**
 * Protects: not one byte of the root that differs from what was signed is ever used.
 */
import { expect, test } from "bun:test";
import { open } from "node:fs/promises";
import { waitForLine } from "../../../vm/qemu/console.ts";
import { overwrite } from "../../../vm/disk/disk.ts";
import { GuestShell } from "../../../vm/guest-shell.ts";
import { machineFiles } from "../../../vm/machine-files.ts";
import { partitionOf } from "../../../vm/disk/partition.ts";
import { imageOf } from "./image.ts";
import { TestHost } from "./test-host.ts";

const blockBytes = 4096;
const refusalTimeoutMs = 240_000;

/** Makes a machine in whose disk one bit differs from the image, and switches it on. */
async function tampered(name: string, label: string, offset: number): Promise<TestHost> {
  const image = await imageOf("dev");
  const host = await TestHost.make(name);
  const at = (await partitionOf(host.machine.tools, image, label)).offset + offset;
  await using file = await open(image);
  const [byte = 0] = (await file.read(Buffer.alloc(1), 0, 1, at)).buffer;
  const disk = { path: machineFiles(host.machine.directory).disk, image };
  await overwrite(host.machine.tools, disk, at, { value: byte ^ 0x10, length: 1 });
  return host;
}

async function refusal(host: TestHost): Promise<string> {
  const { consoleLog } = machineFiles(host.machine.directory);
  const options = { signal: AbortSignal.timeout(refusalTimeoutMs) };
  const [found] = await waitForLine(consoleLog, /device-mapper: verity: .* is corrupted/, options);
  await waitForLine(consoleLog, /Kernel panic - not syncing: dm-verity device corrupted/, options);
  return found;
}

test("a bit flipped in the first block of the root is refused before anything of it runs, and the console says why", async () => {
  await using host = await tampered("tampered-first", "ORLOP-ROOT-A", 1024 + 40);
  await using machine = await host.machine.switchOn(AbortSignal.timeout(refusalTimeoutMs));
  const message =
    /orlop: cannot start: no disk has the root .*: it is missing, or its first block is not what was signed/;
  await waitForLine(machine.files.consoleLog, message, { signal: AbortSignal.timeout(refusalTimeoutMs) });
  const panics = /Kernel panic - not syncing: sysrq triggered crash/;
  await waitForLine(machine.files.consoleLog, panics, { signal: AbortSignal.timeout(refusalTimeoutMs) });
});

test("a bit flipped in the hash tree is refused", async () => {
  await using host = await tampered("tampered-hash", "ORLOP-HASH-A", blockBytes + 7);
  await using _machine = await host.machine.switchOn(AbortSignal.timeout(refusalTimeoutMs));
  expect(await refusal(host)).toMatch(/metadata block \d+ is corrupted/);
});

test("a bit flipped deep in the root is refused as soon as it is read", async () => {
  const deep = 96 * 1024 * 1024;
  await using host = await tampered("tampered-deep", "ORLOP-ROOT-A", deep + 1234);
  await using machine = await host.machine.switchOn(AbortSignal.timeout(refusalTimeoutMs));
  const readsAll = async (): Promise<void> => {
    await using shell = await GuestShell.connect(machine.files.shell, AbortSignal.timeout(refusalTimeoutMs));
    await shell.try("find / -xdev -type f -exec cat {} + > /dev/null", refusalTimeoutMs);
  };
  // Nobody knows whether the boot itself reads that block; the panic is awaited either way.
  const reading = readsAll().catch((error: unknown) => error);
  expect(await refusal(host)).toContain(`data block ${deep / blockBytes} is corrupted`);
  await machine.cutPower();
  expect(await reading).toBeInstanceOf(Error);
});
