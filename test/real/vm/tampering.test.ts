/**
 * Protects: not one byte of the root that differs from what was signed is ever used, and nothing that was not signed
 * decides which root that is.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { open, readFile } from "node:fs/promises";
import { revocationOf } from "../../../image/boot/revocation.ts";
import { openSigningKey } from "../../../image/boot/signing-key.ts";
import { authenticodeHash } from "../../../lib/efi/authenticode.ts";
import { waitForLine } from "../../../vm/qemu/console.ts";
import { createOverlay, overwrite } from "../../../vm/disk/disk.ts";
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

test("a copy of the root on another disk is refused as long as both are there, with what to do", async () => {
  await using host = await TestHost.make("tampered-twin", { dataDiskBytes: 4 * 1024 ** 3 });
  const { tools, directory } = host.machine;
  await createOverlay(tools, await imageOf("dev"), machineFiles(directory).dataDisk);
  await using machine = await host.machine.switchOn(AbortSignal.timeout(refusalTimeoutMs));
  const says = /orlop: cannot start: more than one disk has the root .*: detach all but the one/;
  await waitForLine(machine.files.consoleLog, says, { signal: AbortSignal.timeout(refusalTimeoutMs) });
});

describe("with Secure Boot", () => {
  const absent = "00000000-0000-0000-0000-000000000000";
  const words = `rootuuid=${absent} hashuuid=${absent} rdinit=/bin/sleep mitigations=off`;
  let host: TestHost;
  beforeAll(async () => {
    host = await TestHost.boot("tampered-firmware", {
      secureBoot: true,
      oemStrings: [
        `io.systemd.stub.kernel-cmdline-extra=${words}`,
        `io.systemd.boot.kernel-cmdline-extra=${words}`,
        "io.systemd.credential:tmpfiles.extra=f /run/written-by-firmware - - - - x",
        "io.systemd.credential:sysctl.extra=kernel.yama.ptrace_scope = 0",
      ],
    });
  });
  afterAll(async () => host?.[Symbol.asyncDispose]());

  test("no string of the firmware reaches the kernel, the initrd or a unit", async () => {
    const { shell } = host;
    const enforcing = "od -An -tu1 -j4 /sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
    expect((await shell.run(enforcing)).trim()).toBe("1");
    // The strings are there for whoever reads the tables.
    expect(await shell.run("grep -ac written-by-firmware /sys/firmware/dmi/tables/DMI")).toBe("1");
    const commandLine = await shell.run("cat /proc/cmdline");
    expect(commandLine).toMatch(/ systemd\.show_status=auto$/);
    for (const word of ["mitigations=", "rdinit=", absent]) expect(commandLine).not.toContain(word);
    expect((await shell.try("test -e /run/written-by-firmware")).exitCode).toBe(1);
    expect(await shell.run("cat /proc/sys/kernel/yama/ptrace_scope")).toBe("1");
    expect(await shell.run("ls -A /run/credentials/@system 2>/dev/null | wc -l")).toBe("0");
  });

  test("lockdown that Secure Boot forces is told as what it is, and no reboot is asked for", async () => {
    expect(await host.shell.run("cat /sys/kernel/security/lockdown")).toContain("[integrity]");
    const { reconcilers, rebootNeeded } = await host.status();
    expect(reconcilers.find(({ name }) => name === "lockdown")?.warnings).toEqual([
      "settings.kernel.lockdown is none, but Secure Boot keeps the kernel at integrity at every boot",
    ]);
    expect(rebootNeeded).toEqual([]);
  });

  test("an image that was revoked is started never again, and the one that runs only by who insists", async () => {
    const { tools, directory } = host.machine;
    const unified = (await imageOf("dev")).replace(/\.img$/, ".efi");
    const exchange = await openSigningKey(tools, "key-exchange-key");
    const hash = authenticodeHash(await readFile(unified), unified);
    const list = await revocationOf(tools, exchange, [hash], { directory, epochSeconds: 1_700_000_000 });
    await host.shell.run(`echo ${list.toString("base64")} | base64 -d > /run/dbx.auth`);
    const refused = await host.shell.try("signpost revoke-images /run/dbx.auth", 60_000);
    expect(refused.output).toContain("cannot revoke images: the one that runs here is among them");
    const forced = "signpost revoke-images --even-running /run/dbx.auth";
    expect(await host.shell.run(forced, 60_000)).toContain("the firmware refuses 1 more from now on");
    expect(await host.shell.run(forced, 60_000)).toContain("the firmware refuses them already");
    const { consoleLog } = machineFiles(directory);
    const fromByte = Bun.file(consoleLog).size;
    await (await host.api()).call("reboot");
    const refusedByFirmware = /(?:security violation|access denied)/i;
    await waitForLine(consoleLog, refusedByFirmware, { signal: AbortSignal.timeout(refusalTimeoutMs), fromByte });
  });
});
