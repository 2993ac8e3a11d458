/**
 * The links of a machine and how they get their addresses, as `net.toml` says it in any of its versions.
 *
 * Source: Bottlerocket's network configuration, versions 1 to 3.
 */

/** A link is known by its name, or a physical one by the address in its hardware. */
export type LinkKey = { name: string } | { mac: string };

export type Dhcp = { optional: boolean; routeMetric: number | undefined };

export type Route = {
  /** A network with prefix length, or "default". */
  to: string;
  from: string | undefined;
  via: string | undefined;
  routeMetric: number | undefined;
};

export type Addressing = {
  /** The link whose address and name stand for the machine. */
  primary: boolean;
  dhcp4: Dhcp | undefined;
  dhcp6: Dhcp | undefined;
  /** With prefix length. */
  static4: readonly string[];
  static6: readonly string[];
  routes: readonly Route[];
};

export type Monitoring =
  | { kind: "mii"; frequencyMs: number; upDelayMs: number | undefined; downDelayMs: number | undefined }
  | { kind: "arp"; intervalMs: number; validate: ArpValidate; targets: readonly string[] };

export const arpValidates = ["active", "all", "backup", "none"] as const;
export type ArpValidate = (typeof arpValidates)[number];

export type Link =
  | { kind: "interface"; key: LinkKey; addressing: Addressing }
  | {
      kind: "bond";
      key: { name: string };
      addressing: Addressing;
      minLinks: number | undefined;
      /** One or more; the first carries the traffic while it works. */
      interfaces: readonly string[];
      monitoring: Monitoring;
    }
  | { kind: "vlan"; key: { name: string }; addressing: Addressing; device: string; id: number };

/** Links in the order of the file; exactly one is primary. */
export type NetworkConfig = readonly Link[];

/** What a person calls the link. */
export function linkName(key: LinkKey): string {
  return "name" in key ? key.name : key.mac;
}

/** The link whose address and name stand for the machine. */
export function primaryLink(config: NetworkConfig): Link | undefined {
  return config.find(({ addressing }) => addressing.primary);
}
