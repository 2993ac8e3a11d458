/** With this process for QEMU: what is asked of a machine here are its files. */
import { afterEach, expect, test } from "bun:test";
import { appendFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { machineFiles, writeRecord } from "./machine-files.ts";
import { identify } from "./process-identity.ts";
import { RunningMachine } from "./running-machine.ts";

const directories: string[] = [];
afterEach(async () => {
  for (const directory of directories.splice(0)) await rm(directory, { recursive: true });
});

/** Its console shows what a test prints; nobody listens on its port. */
async function machine(
  pid = process.pid,
): Promise<{ machine: RunningMachine; print: (line: string) => Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), "machine-"));
  directories.push(directory);
  const files = machineFiles(directory);
  for (const path of [files.consoleLog, files.certificate, files.key]) await writeFile(path, "");
  const us = await identify(pid);
  if (us === undefined) throw new Error("this process does not exist");
  const apiPort = await unusedPort();
  const startedAt = "2026-01-01T00:00:00.000Z";
  await writeRecord(directory, { name: "quiet", image: "none", startedAt, process: us, consoleFrom: 0, apiPort });
  const found = await RunningMachine.find(directory);
  if (found === undefined) throw new Error("the machine was not found");
  return { machine: found, print: async (line) => await appendFile(files.consoleLog, `${line}\n`) };
}

async function unusedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return address.port;
}

const announced = (digits: string): string =>
  `remote API on port 8443, certificate fingerprint SHA256 ${Array.from({ length: 32 }, () => digits).join(":")}`;

test("an announcement counts until the firmware starts the next boot", async () => {
  const { machine: running, print } = await machine();
  expect(await running.access()).toBeUndefined();
  expect(await running.lastAccess()).toBeUndefined();
  await print('BdsDxe: starting Boot0001 "UEFI Misc Device"');
  await print(announced("AB"));
  expect((await running.access())?.trust.fingerprint).toStartWith("AB:AB");
  await print('BdsDxe: starting Boot0001 "UEFI Misc Device"');
  expect(await running.access()).toBeUndefined();
  expect((await running.lastAccess())?.trust.fingerprint).toStartWith("AB:AB");
  await print(announced("CD"));
  expect((await running.access())?.trust.fingerprint).toStartWith("CD:CD");
});

test("a machine that does not come up tells the end of its console", async () => {
  const { machine: running, print } = await machine();
  await print("Kernel panic - not syncing");
  await expect(running.untilConfigured(1)).rejects.toMatchObject({
    code: "not-in-time",
    message: expect.stringContaining("the end of its console:\n  | Kernel panic - not syncing"),
  });
});

test("whoever waits may stop waiting", async () => {
  const { machine: running } = await machine();
  await expect(running.untilConfigured(60_000, AbortSignal.abort())).rejects.toMatchObject({ name: "AbortError" });
});

test("the power button is pressed again when nobody in the guest has heard it", async () => {
  await using guest = Bun.spawn(["sleep", "60"]);
  const { machine: running } = await machine(guest.pid);
  let presses = 0;
  await using qemu = createServer((socket) => {
    socket.write('{"QMP": {"version": {}}}\r\n');
    socket
      .on("error", () => undefined)
      .on("data", (data) => {
        if (data.includes("system_powerdown") && ++presses === 2) guest.kill();
        socket.write('{"return": {}}\r\n');
      });
  });
  await new Promise<void>((resolve) => qemu.listen(running.files.qmp, resolve));
  await running.switchOff(AbortSignal.timeout(20_000));
  expect(presses).toBe(2);
}, 30_000);
