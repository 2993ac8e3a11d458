/** This machine while it has nothing but the installer: its network, its names, file systems of others. */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Failure, isFailure, isNotFound } from "../lib/failure.ts";
import { machineClock } from "../lib/clock.ts";
import { ask, run } from "../lib/program/process.ts";
import type { Say } from "./consoles.ts";
import type { MachineNames } from "./user-data-place.ts";

const dhcpSeconds = 20;
const dhcpPauseMs = 3_000;
/** Links take their time, and so do switches that look for loops first. */
const dhcpRounds = 10;

/** The first card that is given an address, which is then what names are looked up by. @throws {Failure<"no-network">} */
export async function configureNetwork(say: Say): Promise<string> {
  const cards = (await readdir("/sys/class/net")).filter((name) => name !== "lo").toSorted();
  if (cards.length === 0)
    throw new Failure("no-network", "cannot use the network: there is no card with a known driver");
  for (let round = 1; round <= dhcpRounds; round++) {
    if (round > 1) await machineClock.sleep(dhcpPauseMs);
    for (const card of cards) {
      say(`asking for an address on ${card}`);
      const { exitCode } = await ask(["ipconfig", "-t", String(dhcpSeconds), "-c", "dhcp", "-d", card]);
      if (exitCode !== 0) continue;
      await writeFile("/etc/resolv.conf", resolverFile(await readFile(`/run/net-${card}.conf`, "utf8")));
      return card;
    }
  }
  throw new Failure("no-network", `cannot use the network: no DHCP server answers on ${cards.join(", ")}`);
}

/** From what klibc's ipconfig leaves: `IPV4DNS0='10.0.2.3'`, 0.0.0.0 for none. */
export function resolverFile(lease: string): string {
  const servers = [...lease.matchAll(/^IPV4DNS\d='([0-9.]+)'$/gm)].map(([, server]) => server);
  return servers
    .filter((server) => server !== "0.0.0.0")
    .map((server) => `nameserver ${server}\n`)
    .join("");
}

/** @param card whose address is meant */
export async function machineNames(card: string): Promise<MachineNames> {
  return {
    mac: (await readFile(`/sys/class/net/${card}/address`, "utf8")).trim(),
    uuid: await firmwareText("product_uuid"),
    serial: await firmwareText("product_serial"),
  };
}

async function firmwareText(name: string): Promise<string> {
  try {
    return (await readFile(`/sys/class/dmi/id/${name}`, "utf8")).trim();
  } catch (error) {
    if (isNotFound(error)) return "";
    throw error;
  }
}

/** A file system of somebody else, read-only, while it is not disposed. */
export async function mounted(device: string, type: string, how: "ro" | "rw" = "ro"): Promise<MountedFiles> {
  const directory = join("/run/mounted", device.replaceAll("/", "-"));
  await mkdir(directory, { recursive: true });
  await run(["mount", "-t", type, "-o", `${how},nosuid,nodev,noexec`, device, directory]);
  return { directory, [Symbol.asyncDispose]: async () => void (await run(["umount", directory])) };
}

export type MountedFiles = AsyncDisposable & { directory: string };

/** Sticks are found some seconds after the kernel starts. */
const stickMs = 60_000;

/** The file system with a label, once it is there. @throws {Failure<"no-such-label">} */
export async function fileSystemLabelled(label: string): Promise<{ device: string; type: string }> {
  for (const endMs = machineClock.elapsedMs() + stickMs; ; await machineClock.sleep(1_000)) {
    const devices = await answerOf("blkid", "-c", "/dev/null", "-o", "device", "-t", `LABEL=${label}`);
    const [device, second] = devices.split("\n").filter((line) => line !== "");
    if (second !== undefined) {
      throw new Failure("no-such-label", `cannot choose between ${device} and ${second}: both are labelled ${label}`);
    }
    if (device !== undefined) {
      return { device, type: await answerOf("blkid", "-c", "/dev/null", "-o", "value", "-s", "TYPE", device) };
    }
    if (machineClock.elapsedMs() > endMs) {
      throw new Failure("no-such-label", `cannot find a file system labelled ${label}: none came within a minute`);
    }
  }
}

/** Empty where the program finds nothing. */
async function answerOf(...argv: [string, ...string[]]): Promise<string> {
  try {
    return (await run(argv)).stdout.trim();
  } catch (error) {
    if (isFailure(error, "exit-status")) return "";
    throw error;
  }
}
