/**
 * Protects: a physical machine gets its system from a CD-ROM, a stick or over the network, by nobody's hand: what is erased is
 * said first, the host comes up with the user data that was meant for it, also where Secure Boot is on, and a machine that starts
 * its installer again keeps what it has.
 */
import { expect, test } from "bun:test";
import { mkdir, open, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { orlop } from "../../../cli/main.ts";
import { invoke } from "../../../lib/command/command-line.ts";
import { openToolsRoot, runTool } from "../../../image/packages/tools-root.ts";
import { serveRepository } from "../../../repo/serve.ts";
import { hostOfGuests, macAddressOf } from "../../../vm/qemu/qemu.ts";
import type { MachineOptions } from "../../../vm/machine.ts";
import { imageOf } from "./image.ts";
import { directory, TestHost } from "./test-host.ts";

const gibibyte = 2 ** 30;
const diskBytes = 6 * gibibyte;
/** An installer, a host that enrols keys, the installer again and the host again, on a computer that emulates others too. */
const comesUpMs = 25 * 60_000;
const userData = '[settings]\nmotd = "installed"\n';
const work = join(directory, "installers-work");
const place = (...names: string[]): string => join(work, ...names);

/** Machines begin with an empty disk. */
async function makeWork(): Promise<{ manifest: string; blank: string }> {
  await mkdir(work, { recursive: true });
  const blank = place("blank.img");
  await using file = await open(blank, "w");
  await file.truncate(diskBytes);
  return { manifest: (await imageOf("metal-dev")).replace(/\.img$/, ".json"), blank };
}

async function publish(...words: string[]): Promise<string[]> {
  const { exitCode, stdout, stderr } = await invoke(await orlop(["publish"]), ["publish", ...words]);
  if (exitCode !== 0) throw new Error(stderr);
  return stdout
    .trim()
    .split("\n")
    .map((line) => line.split("  ", 1)[0] ?? "");
}

/** The host is configured, has what it was to read, and its machine told of each step of the installation in turn. */
async function expectInstalled(host: TestHost): Promise<string> {
  await host.switchOn("without shell");
  const { os, state, userData: read } = await host.untilConfigured(comesUpMs);
  expect({ os, state, problems: read.problems }).toMatchObject({
    os: { variant_id: "metal-dev" },
    state: "running",
    problems: [],
  });
  const api = await host.api();
  expect(await api.call("getSettings", { query: { keys: ["settings.motd"] } })).toEqual({ motd: "installed" });
  const lines = (await host.running.consoleLines()).filter((line) => line.includes("orlop: ")).join("\n");
  expect(lines).toMatch(/ERASES \/dev\/vda, 6\.0 GiB, serial system[^]*in 3 s; switch the machine off to keep it/);
  expect(lines).toMatch(/the disk was read back[^]*installed orlop-metal-dev-[^]*rebooting/);
  return lines;
}

test("by a CD-ROM, with user data in it: the machine has Secure Boot on once the host has enrolled its keys", async () => {
  const { manifest, blank } = await makeWork();
  const handOver = async (document: string): Promise<Partial<MachineOptions>> => {
    await writeFile(place("user-data.toml"), document);
    const chosen = ["--user-data", place("user-data.toml"), "--countdown", "3"];
    const [cdRom = ""] = await publish("iso", manifest, "--output", place("iso"), ...chosen);
    return { cdRom, startsFrom: "cd-rom" };
  };
  const hardware = { image: blank, diskBytes, secureBoot: true, shell: false };
  await using host = await TestHost.make("installed-by-cd-rom", { ...hardware, userData, handOver });
  const lines = await expectInstalled(host);
  expect(lines).toMatch(
    /Secure Boot is off[^]*rebooting[^]*Secure Boot is on[^]*\/dev\/vda, .* has an installation, which starts now/,
  );
});

test("over the network, with user data by the machine's address, on the disk of two that the rule means", async () => {
  const { manifest, blank } = await makeWork();
  await rm(place("served"), { recursive: true, force: true });
  using server = serveRepository(place("served"));
  const base = `http://${hostOfGuests}:${server.url.port}/`;
  const handOver = async (document: string): Promise<Partial<MachineOptions>> => {
    const chosen = ["--disk", "serial=sys*", "--user-data-from", `${base}{mac}.toml`, "--countdown", "3"];
    const made = await publish("netboot", manifest, "--output", place("served"), "--url", base, ...chosen);
    await writeFile(place("served", `${macAddressOf(0)}.toml`), document);
    const installer = made.find((path) => path.endsWith("-installer.efi")) ?? "";
    return { startsFrom: "network", networkBoot: { directory: place("served"), file: basename(installer) } };
  };
  const hardware = { image: blank, diskBytes, dataDiskBytes: 3 * gibibyte, shell: false };
  await using host = await TestHost.make("installed-over-network", { ...hardware, userData, handOver });
  await expectInstalled(host);
});

test("from a stick, with user data on another one that is known by its label", async () => {
  const { manifest, blank } = await makeWork();
  const handOver = async (document: string): Promise<Partial<MachineOptions>> => {
    const chosen = ["--user-data-from", "LABEL=PROVISION", "--countdown", "3"];
    const [installer = ""] = await publish("iso", manifest, "--output", place("stick"), ...chosen);
    const userDataStick = place("user-data-stick.img");
    await makeStick(userDataStick, "PROVISION", document);
    return { sticks: [installer, userDataStick], startsFrom: "stick" };
  };
  const hardware = { image: blank, diskBytes, shell: false };
  await using host = await TestHost.make("installed-from-stick", { ...hardware, userData, handOver });
  expect(await expectInstalled(host)).toMatch(/reading user-data\.toml from \/dev\/sd[a-z]/);
});

/** A stick as people have them for files: FAT, with user data in it. */
async function makeStick(path: string, label: string, document: string): Promise<void> {
  const [tools, file] = [await openToolsRoot(), place("stick-user-data.toml")];
  await writeFile(file, document);
  await rm(path, { force: true });
  await runTool(tools, ["mkfs.fat", "-n", label, "-C", path, "16384"], { binds: [work] });
  await runTool(tools, ["mcopy", "-i", path, file, "::user-data.toml"], { binds: [work] });
}
