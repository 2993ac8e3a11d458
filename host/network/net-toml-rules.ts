/** The rules between the parts of a `net.toml` whose shape is right. Source: Bottlerocket's network configuration. */
import { isIPv6 } from "node:net";
import { joinKey } from "../../settings/model/key.ts";
import type { Problem } from "../../settings/model/problem.ts";
import { linkName, type Link, type Monitoring, type Route } from "./network-config.ts";

/** @returns what is broken; empty when the links can be set up together */
export function brokenRules(links: readonly Link[]): Problem[] {
  return [
    ...links.flatMap(addressingRules),
    ...links.flatMap((link) => (link.kind === "bond" ? bondRules(link, links) : [])),
    ...sharedMembers(links),
    ...vlanRules(links),
    ...primaryRule(links),
  ];
}

const problem = (segments: readonly string[], message: string): Problem => {
  const key = joinKey(segments);
  return { key, message: `${key} ${message}` };
};

function addressingRules(link: Link): Problem[] {
  const name = linkName(link.key);
  const { dhcp4, dhcp6, static4, static6, routes } = link.addressing;
  if (dhcp4 === undefined && dhcp6 === undefined && static4.length + static6.length === 0) {
    return [problem([name], "must enable dhcp4 or dhcp6, or have static4 or static6 addresses")];
  }
  if (routes.length === 0) return [];
  if (static4.length + static6.length === 0) return [problem([name, "route"], "needs static4 or static6 addresses")];
  return routes.flatMap((route, at) => {
    const family = routeFamily(route, link.addressing);
    const key = [name, "route", String(at)];
    if (family === "unclear") return [problem(key, "must say which family it is for: add via or from")];
    if (family === "mixed") return [problem(key, "must have to, from and via of one family, IPv4 or IPv6")];
    const [dhcp, addresses, number] = family === 6 ? [dhcp6, static6, 6] : [dhcp4, static4, 4];
    if (addresses.length === 0) return [problem(key, `needs static${number} addresses`)];
    if (dhcp !== undefined) return [problem(key, `cannot be combined with dhcp${number}, which brings its own routes`)];
    return [];
  });
}

/** Which family a route is for; "default" takes it from its other parts, or from the only family with addresses. */
export function routeFamily(
  { to, from, via }: Route,
  { static4, static6 }: { static4: readonly string[]; static6: readonly string[] },
): 4 | 6 | "unclear" | "mixed" {
  const parts = [to === "default" ? undefined : to.split("/")[0], from, via].filter((part) => part !== undefined);
  const families = new Set(parts.map((part) => (isIPv6(part) ? 6 : 4)));
  const [family] = families;
  if (families.size > 1) return "mixed";
  if (family !== undefined) return family;
  if (static4.length > 0 && static6.length > 0) return "unclear";
  return static6.length > 0 ? 6 : 4;
}

function bondRules(bond: Extract<Link, { kind: "bond" }>, links: readonly Link[]): Problem[] {
  const { name } = bond.key;
  const problems: Problem[] = [];
  if (bond.interfaces.length === 0) problems.push(problem([name, "interfaces"], "must name one or more interfaces"));
  for (const member of bond.interfaces) {
    if (links.some(({ key }) => linkName(key) === member)) {
      problems.push(problem([name, "interfaces"], `has ${member}, which must not be configured on its own`));
    }
  }
  if (bond.minLinks !== undefined && bond.minLinks > bond.interfaces.length) {
    problems.push(problem([name, "min-links"], `must be at most ${bond.interfaces.length}, the number of interfaces`));
  }
  return [...problems, ...monitoringRules(name, bond.monitoring)];
}

function monitoringRules(name: string, monitoring: Monitoring): Problem[] {
  if (monitoring.kind === "arp") {
    return monitoring.intervalMs > 0 ? [] : [problem([name, "monitoring", "arpmon-interval-ms"], "must be above 0")];
  }
  const { frequencyMs, upDelayMs, downDelayMs } = monitoring;
  if (frequencyMs === 0) return [problem([name, "monitoring", "miimon-frequency-ms"], "must be above 0")];
  const delays = { "miimon-updelay-ms": upDelayMs, "miimon-downdelay-ms": downDelayMs };
  return Object.entries(delays).flatMap(([key, delayMs]) =>
    delayMs === undefined || delayMs >= frequencyMs
      ? []
      : [problem([name, "monitoring", key], `must be at least miimon-frequency-ms, ${frequencyMs}`)],
  );
}

function sharedMembers(links: readonly Link[]): Problem[] {
  const owner = new Map<string, string>();
  const problems: Problem[] = [];
  for (const link of links) {
    if (link.kind !== "bond") continue;
    for (const member of link.interfaces) {
      const bond = owner.get(member);
      if (bond === undefined) owner.set(member, link.key.name);
      else problems.push(problem([link.key.name, "interfaces"], `has ${member}, which is in ${bond} already`));
    }
  }
  return problems;
}

function vlanRules(links: readonly Link[]): Problem[] {
  const members = new Set(links.flatMap((link) => (link.kind === "bond" ? link.interfaces : [])));
  return links.flatMap((link) => {
    if (link.kind !== "vlan") return [];
    const { device } = link;
    if (device === link.key.name) return [problem([link.key.name, "device"], "must be another link")];
    if (members.has(device))
      return [problem([link.key.name, "device"], `must not be ${device}, which is part of a bond`)];
    return [];
  });
}

function primaryRule(links: readonly Link[]): Problem[] {
  const [, second] = links.filter(({ addressing }) => addressing.primary);
  return second === undefined
    ? []
    : [problem([linkName(second.key), "primary"], "must not be true: another link is primary already")];
}
