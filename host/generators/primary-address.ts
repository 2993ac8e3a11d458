/** The address by which others reach this machine: that of its primary link. */
import { join } from "node:path";
import { deadline } from "../../lib/clock.ts";
import { Failure } from "../../lib/failure.ts";
import { namesIn, readTextIfPresent } from "../../lib/files/files.ts";
import type { Facts } from "../machine/facts.ts";
import { type LinkKey, linkName, primaryLink } from "../network/network-config.ts";
import { networkConfig } from "../network/source.ts";
import { hostPath, type System } from "../machine/system.ts";

const pollMs = 100;
const waitMs = 15_000;

export type Family = "IPv4" | "IPv6";

/**
 * Waits for the address: at boot a lease may still be on its way.
 *
 * @throws {Failure<"no-address">} when there is none after 15 s
 */
export async function primaryAddress(
  { system, facts }: { system: System; facts: Facts },
  families: readonly Family[],
  signal: AbortSignal,
): Promise<string> {
  const primary = facts.network === undefined ? undefined : primaryLink(networkConfig(facts.network))?.key;
  const patience = deadline(system.clock, waitMs);
  for (;;) {
    const link = primary === undefined ? await defaultRouteLink(system) : nameOf(system, primary);
    const address = link === undefined ? undefined : addressOf(system, link, families);
    if (address !== undefined) return address;
    if (patience.passed) {
      const why = await whyNone(system, primary, link);
      throw new Failure("no-address", `cannot find the primary address after ${waitMs / 1000} s: ${why}`);
    }
    await system.clock.sleep(pollMs, signal);
  }
}

function addressOf(system: System, link: string, families: readonly Family[]): string | undefined {
  const addresses = (system.interfaces()[link] ?? []).filter(({ address }) => !address.startsWith("fe80:"));
  for (const family of families) {
    const match = addresses.find((address) => address.family === family);
    if (match !== undefined) return match.address;
  }
  return undefined;
}

/** Of a link that is known by the address in its hardware: only once it has an address of another kind. */
function nameOf(system: System, key: LinkKey): string | undefined {
  if ("name" in key) return key.name;
  const links = Object.entries(system.interfaces());
  return links.find(([, addresses]) => addresses?.some(({ mac }) => mac === linkName(key)))?.[0];
}

async function whyNone(system: System, primary: LinkKey | undefined, link: string | undefined): Promise<string> {
  if (primary === undefined) return link === undefined ? "no link has a default route" : `${link} has none`;
  const directory = hostPath(system, "/sys/class/net");
  const names = await namesIn(directory);
  const macs = await Promise.all(names.map(async (name) => readTextIfPresent(join(directory, name, "address"))));
  const match = names.find((name, at) =>
    "name" in primary ? primary.name === name : primary.mac === macs[at]?.trim(),
  );
  return match === undefined ? `there is no link ${linkName(primary)}, only ${names.join(", ")}` : `${match} has none`;
}

/** From the kernel's routing tables, IPv4 before IPv6; see proc_net(5). */
async function defaultRouteLink(system: System): Promise<string | undefined> {
  const ipv4 = rows(await readTextIfPresent(hostPath(system, "/proc/net/route")))
    .filter(([, destination, , , , , , mask]) => destination === "00000000" && mask === "00000000")
    .map(([link, , , , , , metric]) => ({ link, metric: Number(metric) }));
  const ipv6 = rows(await readTextIfPresent(hostPath(system, "/proc/net/ipv6_route")))
    .filter(
      ([destination, length, , , , , , , , link]) => /^0+$/.test(destination ?? "") && length === "00" && link !== "lo",
    )
    .map((fields) => ({ link: fields[9], metric: Number.parseInt(fields[5] ?? "", 16) }));
  const [best] = (ipv4.length > 0 ? ipv4 : ipv6).toSorted((left, right) => left.metric - right.metric);
  return best?.link;
}

const rows = (text = ""): string[][] => text.split("\n").map((line) => line.trim().split(/\s+/));
