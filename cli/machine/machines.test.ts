/** Protects: one damaged record of a machine hides no other machine, and the machine itself can still be ended. */
import { afterEach, expect, test } from "bun:test";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { invoke } from "../../lib/command/command-line.ts";
import { program } from "../../lib/command/command.ts";
import { isPresent } from "../../lib/files/files.ts";
import { machineFiles, machinesDirectory, writeRecord } from "../../vm/machine-files.ts";
import { identify, isAlive, kill, type ProcessIdentity } from "../../vm/process-identity.ts";
import { down } from "./down.ts";
import { logs } from "./logs.ts";
import { status } from "./status.ts";

const orlop = program({
  name: "orlop",
  summary: "For these tests",
  version: "0.0.0",
  options: {},
  groups: {},
  commands: [down, logs, status],
  context: (invocation) => ({ invocation }),
});

const ours = `test-${process.pid}-`;
const made: { directories: string[]; processes: ProcessIdentity[]; servers: Server[] } = {
  directories: [],
  processes: [],
  servers: [],
};
afterEach(async () => {
  for (const process of made.processes.splice(0)) await kill(process);
  for (const server of made.servers.splice(0)) await new Promise((resolve) => server.close(resolve));
  for (const directory of made.directories.splice(0)) await rm(directory, { recursive: true, force: true });
});

async function machineDirectory(name: string): Promise<string> {
  const directory = join(machinesDirectory, `${ours}${name}`);
  await mkdir(directory, { recursive: true });
  made.directories.push(directory);
  const files = machineFiles(directory);
  for (const path of [files.certificate, files.key]) await writeFile(path, "");
  await writeFile(files.consoleLog, `console of ${name}\n`);
  return directory;
}

/** A machine whose QEMU is a program that does nothing. */
async function quietMachine(name: string): Promise<{ directory: string; process: ProcessIdentity }> {
  const directory = await machineDirectory(name);
  const child = Bun.spawn(["sleep", "600"]);
  const process = await identify(child.pid);
  if (process === undefined) throw new Error("sleep does not run");
  made.processes.push(process);
  const startedAt = new Date().toISOString();
  await writeRecord(directory, {
    name: `${ours}${name}`,
    image: "none",
    startedAt,
    process,
    consoleFrom: 0,
    apiPort: 1,
  });
  return { directory, process };
}

/** Listens as QEMU does until it gets `quit`. */
async function qemuIn(directory: string): Promise<() => boolean> {
  let isOn = true;
  const server = createServer((socket) => {
    if (!isOn) return void socket.destroy();
    socket.write('{"QMP": {"version": {}}}\r\n');
    socket.on("data", (data) => {
      if (!data.toString().includes('"quit"')) return void socket.write('{"return": {}}\r\n');
      isOn = false;
      server.close();
      return void socket.destroy();
    });
  });
  made.servers.push(server);
  await new Promise<void>((resolve) => server.listen(machineFiles(directory).qmp, resolve));
  return () => isOn;
}

const damages = ["{}", "", "{", '{"name":"x","process":{"pid":"7"}}'];

test.each(damages)(
  "status tells of the other machines when one has the record %j, and names it with a remedy",
  async (text) => {
    await quietMachine("good");
    const damaged = await machineDirectory("damaged");
    await writeFile(machineFiles(damaged).record, text);
    const { stdout, exitCode } = await invoke(orlop, ["status"]);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(new RegExp(`^${ours}good {2}starting, on for `, "m"));
    const line = stdout.split("\n").find((each) => each.startsWith(`${ours}damaged`));
    expect(line).toContain(`cannot use the record ${machineFiles(damaged).record}: `);
    expect(line).toContain(`./orlop down ${ours}damaged`);
  },
);

test("a machine whose own files are gone hides no other", async () => {
  await quietMachine("good");
  const { directory } = await quietMachine("bare");
  const files = machineFiles(directory);
  await writeFile(files.consoleLog, `remote API on port 8443, certificate fingerprint SHA256 ${"AB:".repeat(31)}AB\n`);
  await rm(files.key);
  const { stdout, exitCode } = await invoke(orlop, ["status"]);
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(new RegExp(`^${ours}good {2}starting`, "m"));
  expect(stdout).toMatch(new RegExp(`^${ours}bare {2}its state is unknown: .*client.key`, "m"));
});

test("logs and down of one machine do not ask the record of another", async () => {
  const good = await quietMachine("good");
  await writeFile(machineFiles(await machineDirectory("damaged")).record, "{}");
  expect(await invoke(orlop, ["logs", `${ours}good`])).toMatchObject({ stdout: "console of good\n", exitCode: 0 });
  expect((await invoke(orlop, ["down", `${ours}good`])).exitCode).toBe(0);
  expect(await isAlive(good.process)).toBe(false);
});

test("a machine with a damaged record shows its console, and down ends it and removes what it left", async () => {
  const directory = await machineDirectory("damaged");
  await writeFile(machineFiles(directory).record, "{}");
  const isOn = await qemuIn(directory);
  expect((await invoke(orlop, ["logs", `${ours}damaged`])).stdout).toContain("console of damaged");
  expect((await invoke(orlop, ["down", `${ours}damaged`])).exitCode).toBe(0);
  expect(isOn()).toBe(false);
  expect(await isPresent(directory)).toBe(false);
});
