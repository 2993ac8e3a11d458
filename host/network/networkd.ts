/**
 * Network configuration as files of systemd-networkd; see systemd.network(5) and systemd.netdev(5).
 *
 * Links without IPv6 configuration do not speak IPv6, as in Bottlerocket since core-kit 13.1.
 */
import { isIPv6 } from "node:net";
import { unreachable } from "../../lib/failure.ts";
import { routeFamily } from "./net-toml-rules.ts";
import { linkName, type Addressing, type Dhcp, type Link, type NetworkConfig, type Route } from "./network-config.ts";

export type NetworkFile = { path: string; content: string };

const directory = "/etc/systemd/network";

/** The image's own file that does DHCP on every wired link; an empty file of this name in /etc hides it. */
export const defaultLinksFile = "80-dhcp.network";

/** A part of a file: keys may repeat, absent values are left out. */
type Section = { title: string; entries: [key: string, value: string | number | boolean | undefined][] };

/** What settings say about names, and so not the lease. */
export type LeaseUse = { useDns: boolean; useDomains: boolean };

export function networkdFiles(config: NetworkConfig, lease: LeaseUse): NetworkFile[] {
  const vlansOn = Map.groupBy(
    config.filter((link) => link.kind === "vlan"),
    ({ device }) => device,
  );
  const vlanNames = (device: string): string[] => (vlansOn.get(device) ?? []).map(({ key }) => key.name);
  const bonds = config.filter((link) => link.kind === "bond");
  const named = new Set(config.map(({ key }) => linkName(key)));
  const bareDevices = [...vlansOn.keys()].filter((device) => !named.has(device));
  return [
    { path: `${directory}/${defaultLinksFile}`, content: "" },
    ...config.flatMap((link) => netdevFile(link)),
    ...config.map((link) => networkFile(link, vlanNames(linkName(link.key)), lease)),
    ...bonds.flatMap((bond) => bond.interfaces.map((member, at) => memberFile(member, bond.key.name, at === 0))),
    ...bareDevices.map((device) => bareFile(device, vlanNames(device))),
  ];
}

const header = "# Written from net.toml and settings.network; changes are overwritten.\n";

function file(name: string, sections: readonly Section[]): NetworkFile {
  return { path: `${directory}/10-${name.replaceAll(":", "")}`, content: header + sectionTexts(sections) };
}

function sectionTexts(sections: readonly Section[]): string {
  const paragraphs = sections.flatMap(({ title, entries }) => {
    const lines = entries.flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${text(value)}\n`]));
    return lines.length === 0 ? [] : [`\n[${title}]\n${lines.join("")}`];
  });
  return paragraphs.join("");
}

const text = (value: string | number | boolean): string =>
  typeof value === "boolean" ? (value ? "yes" : "no") : String(value);

function netdevFile(link: Link): NetworkFile[] {
  switch (link.kind) {
    case "interface":
      return [];
    case "vlan": {
      const netdev: Section = {
        title: "NetDev",
        entries: [
          ["Name", link.key.name],
          ["Kind", "vlan"],
        ],
      };
      return [file(`${link.key.name}.netdev`, [netdev, { title: "VLAN", entries: [["Id", link.id]] }])];
    }
    case "bond": {
      const netdev: Section = {
        title: "NetDev",
        entries: [
          ["Name", link.key.name],
          ["Kind", "bond"],
        ],
      };
      const bond: Section = {
        title: "Bond",
        entries: [["Mode", "active-backup"], ["MinLinks", link.minLinks], ...monitoringEntries(link)],
      };
      return [file(`${link.key.name}.netdev`, [netdev, bond])];
    }
    default:
      return unreachable(link);
  }
}

function monitoringEntries({ monitoring }: Extract<Link, { kind: "bond" }>): Section["entries"] {
  const ms = (value: number | undefined): string | undefined => (value === undefined ? undefined : `${value}ms`);
  if (monitoring.kind === "mii") {
    return [
      ["MIIMonitorSec", ms(monitoring.frequencyMs)],
      ["UpDelaySec", ms(monitoring.upDelayMs)],
      ["DownDelaySec", ms(monitoring.downDelayMs)],
    ];
  }
  return [
    ["ARPIntervalSec", ms(monitoring.intervalMs)],
    ["ARPValidate", monitoring.validate],
    ["ARPIPTargets", monitoring.targets.join(" ")],
  ];
}

/** For machines whose links nobody configured: the image's own file, but for what settings say. */
export function defaultLinkFiles(withoutIpv6: readonly string[], lease: LeaseUse): NetworkFile[] {
  const dropIn: NetworkFile = {
    path: `${directory}/${defaultLinksFile}.d/50-orlop.conf`,
    content: header + sectionTexts(leaseSections(lease)),
  };
  const linkFiles = withoutIpv6.map((name) => {
    const dhcp4 = { optional: false, routeMetric: undefined };
    const addressing = { primary: false, dhcp4, dhcp6: undefined, static4: [], static6: [], routes: [] };
    return networkFile({ kind: "interface", key: { name }, addressing }, [], lease);
  });
  return lease.useDns && lease.useDomains ? linkFiles : [dropIn, ...linkFiles];
}

/** A link that must not speak IPv6, whatever its configuration has of it. */
export function withoutIpv6(link: Link): Link {
  const { addressing } = link;
  const routes = addressing.routes.filter((route) => routeFamily(route, addressing) !== 6);
  return { ...link, addressing: { ...addressing, dhcp6: undefined, static6: [], routes } };
}

const leaseEntries = ({ useDns, useDomains }: LeaseUse): Section["entries"] => [
  ["UseDNS", useDns ? undefined : false],
  ["UseDomains", useDomains],
];

const leaseSections = (lease: LeaseUse): Section[] =>
  ["DHCPv4", "DHCPv6", "IPv6AcceptRA"].map((title) => ({ title, entries: leaseEntries(lease) }));

function networkFile({ key, addressing }: Link, vlans: readonly string[], lease: LeaseUse): NetworkFile {
  // A bond or VLAN on top of a card shows the card's address too; the permanent one is the card's alone.
  const match: Section["entries"] = "name" in key ? [["Name", key.name]] : [["PermanentMACAddress", key.mac]];
  const { dhcp4, dhcp6, static4, static6 } = addressing;
  const hasIpv6 = dhcp6 !== undefined || static6.length > 0;
  const network: Section["entries"] = [
    ["DHCP", dhcp4 === undefined ? (dhcp6 === undefined ? "no" : "ipv6") : dhcp6 === undefined ? "ipv4" : "yes"],
    ["LinkLocalAddressing", hasIpv6 ? "ipv6" : "no"],
    ["IPv6AcceptRA", hasIpv6 && !hasDefaultRoute6(addressing)],
    ...[...static4, ...static6].map((address): [string, string] => ["Address", address]),
    ...vlans.map((vlan): [string, string] => ["VLAN", vlan]),
  ];
  const names = leaseEntries(lease);
  return file(`${linkName(key)}.network`, [
    { title: "Match", entries: match },
    { title: "Link", entries: onlineEntries(addressing) },
    { title: "Network", entries: network },
    {
      title: "DHCPv4",
      entries: dhcp4 === undefined ? [] : [...dhcpEntries, ["RouteMetric", dhcp4.routeMetric], ...names],
    },
    { title: "DHCPv6", entries: dhcp6 === undefined ? [] : [...dhcpEntries, ...names] },
    { title: "IPv6AcceptRA", entries: hasIpv6 ? [["RouteMetric", dhcp6?.routeMetric], ...names] : [] },
    ...addressing.routes.map((route) => routeSection(route, addressing)),
  ]);
}

/** The machine's name is a setting, not the lease's. */
const dhcpEntries: Section["entries"] = [["UseHostname", false]];

/** What network-online.target waits for on this link. */
function onlineEntries({ dhcp4, dhcp6, static4, static6 }: Addressing): Section["entries"] {
  const needs = (dhcp: Dhcp | undefined, addresses: readonly string[]): boolean =>
    addresses.length > 0 || dhcp?.optional === false;
  const [ipv4, ipv6] = [needs(dhcp4, static4), needs(dhcp6, static6)];
  if (!ipv4 && !ipv6) return [["RequiredForOnline", false]];
  return [["RequiredFamilyForOnline", ipv4 && ipv6 ? "both" : ipv4 ? "ipv4" : "ipv6"]];
}

function hasDefaultRoute6(addressing: Addressing): boolean {
  return addressing.routes.some((route) => isDefault(route) && routeFamily(route, addressing) === 6);
}

const isDefault = ({ to }: Route): boolean => to === "default" || to.endsWith("/0");

function routeSection(route: Route, addressing: Addressing): Section {
  const anywhere = routeFamily(route, addressing) === 6 ? "::/0" : "0.0.0.0/0";
  return {
    title: "Route",
    entries: [
      ["Destination", route.to === "default" ? anywhere : route.to],
      ["Gateway", route.via],
      ["PreferredSource", route.from],
      ["Metric", route.routeMetric],
      // Without a gateway the destination is on the link itself; IPv6 has no such scope to name.
      ["Scope", route.via === undefined && !isIPv6(anywhere.split("/")[0] ?? "") ? "link" : undefined],
    ],
  };
}

function memberFile(member: string, bond: string, isFirst: boolean): NetworkFile {
  return file(`${member}.network`, [
    { title: "Match", entries: [["Name", member]] },
    // The bond is what must be online; one of its members may be down, that is what it is for.
    { title: "Link", entries: [["RequiredForOnline", false]] },
    {
      title: "Network",
      entries: [
        ["Bond", bond],
        ["PrimarySlave", isFirst ? true : undefined],
      ],
    },
  ]);
}

/** A link that only carries VLANs. */
function bareFile(device: string, vlans: readonly string[]): NetworkFile {
  return file(`${device}.network`, [
    { title: "Match", entries: [["Name", device]] },
    { title: "Link", entries: [["RequiredForOnline", false]] },
    {
      title: "Network",
      entries: [
        ["LinkLocalAddressing", false],
        ["IPv6AcceptRA", false],
        ...vlans.map((vlan): [string, string] => ["VLAN", vlan]),
      ],
    },
  ]);
}
