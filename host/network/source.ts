/**
 * Where the configuration of the links comes from: `net.toml` on this machine, else the kernel command line.
 *
 * Read when the daemon starts. None means that the image's own DHCP on every wired link stays in force.
 */
import { Failure, messageOf, systemErrorCode } from "../../lib/failure.ts";
import { readTextIfPresent } from "../../lib/files/files.ts";
import { describeProblem } from "../../settings/model/problem.ts";
import { placed } from "../kept/things.ts";
import { kernelParameters } from "../machine/firmware.ts";
import { hostPath, type System } from "../machine/system.ts";
import { linkNameType } from "./net-toml-shape.ts";
import { parseNetToml } from "./net-toml.ts";
import type { NetworkConfig } from "./network-config.ts";

/** The first one that is there wins. */
const paths = ["/var/lib/netdog/net.toml", placed.network];
const parameter = "netdog.default-interface";

/** With `unreadable`, the reason why nobody knows what it says: the host comes up, and tells it where links are configured. */
export type NetworkSource = { from: string; text: string } | { from: string; unreadable: string };

export async function readNetworkSource(system: System): Promise<NetworkSource | undefined> {
  for (const path of paths) {
    try {
      const text = await readTextIfPresent(hostPath(system, path));
      if (text !== undefined) return { from: path, text };
    } catch (error) {
      if (systemErrorCode(error) === undefined) throw error;
      return { from: path, unreadable: messageOf(error) };
    }
  }
  const prefix = `${parameter}=`;
  const argument = (await kernelParameters(system)).find((word) => word.startsWith(prefix));
  return argument === undefined ? undefined : { from: parameter, text: argument.slice(prefix.length) };
}

/** @throws {Failure<"bad-network-configuration">} with a line for each problem */
export function networkConfig(source: NetworkSource): NetworkConfig {
  const { from } = source;
  if ("unreadable" in source) {
    throw new Failure("bad-network-configuration", `cannot configure the network from ${from}: ${source.unreadable}`);
  }
  const { text } = source;
  if (from === parameter) return defaultInterface(text);
  const parsed = parseNetToml(text);
  if (parsed.ok) return parsed.value;
  const problems = parsed.problems.map(describeProblem).join("\n");
  throw new Failure("bad-network-configuration", `cannot configure the network from ${from}: ${problems}`);
}

/** `eth0:dhcp4,dhcp6?`: a question mark makes the protocol before it optional. */
function defaultInterface(text: string): NetworkConfig {
  const [name = "", protocols = "", ...rest] = text.split(":");
  const words = protocols.split(",");
  const isKnown = words.every((protocol) => /^dhcp[46]\??$/.test(protocol));
  if (!linkNameType.safeParse(name).success || !isKnown || rest.length > 0) {
    const expected = "an interface, a colon, and dhcp4, dhcp6 or both with a comma between, each perhaps with ?";
    throw new Failure("bad-network-configuration", `cannot read ${parameter}=${text}: expected ${expected}`);
  }
  const dhcp = (protocol: string) => {
    const match = words.find((word) => word.startsWith(protocol));
    return match === undefined ? undefined : { optional: match.endsWith("?"), routeMetric: undefined };
  };
  const addressing = {
    primary: true,
    dhcp4: dhcp("dhcp4"),
    dhcp6: dhcp("dhcp6"),
    static4: [],
    static6: [],
    routes: [],
  };
  return [{ kind: "interface", key: { name }, addressing }];
}
