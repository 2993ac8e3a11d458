/** The shape of `net.toml`: what a table of each kind may hold, and where each value goes. */
import { z } from "zod";
import { flag, mustBe, oneOf, wholeNumber } from "../../settings/type.ts";
import { arpValidates, type Addressing, type Dhcp, type Link, type LinkKey } from "./network-config.ts";

export const linkNameType = z
  .string(mustBe("text"))
  .regex(/^[^./\s\p{Cc}]{1,15}$/u, mustBe("an interface name: 1 to 15 characters, no dot, slash or space"));

const int32Most = 2 ** 31 - 1;
const metric = wholeNumber({ least: 0, most: 2 ** 32 - 1 });
const milliseconds = wholeNumber({ least: 0, most: int32Most });
const address = z.union([z.ipv4(), z.ipv6()], mustBe("an IP address"));
const network4 = z.cidrv4(mustBe("an IPv4 address with prefix length, such as 192.168.0.5/24"));
const network6 = z.cidrv6(mustBe("an IPv6 address with prefix length, such as 2001:db8::5/64"));
const targets = mustBe("a list of 1 to 16 IPv4 addresses");
const addresses = mustBe("a list of one or more addresses");

/** `dhcp4 = true` is short for `dhcp4 = { enabled = true }`. */
const dhcp = z.preprocess(
  (value) => (typeof value === "boolean" ? { enabled: value } : value),
  z.strictObject(
    { enabled: flag, optional: flag.optional(), "route-metric": metric.optional() },
    mustBe("true, false, or a table with enabled, optional and route-metric"),
  ),
);

const route = z.strictObject(
  {
    to: z.union([z.literal("default"), z.cidrv4(), z.cidrv6()], mustBe('"default" or a network such as 10.0.0.0/8')),
    from: address.optional(),
    via: address.optional(),
    "route-metric": metric.optional(),
  },
  mustBe("a table"),
);

const dhcpKeys = { primary: flag.optional(), dhcp4: dhcp.optional(), dhcp6: dhcp.optional() };
const addressingKeys = {
  ...dhcpKeys,
  static4: z.strictObject({ addresses: z.array(network4, addresses).min(1, addresses) }, mustBe("a table")).optional(),
  static6: z.strictObject({ addresses: z.array(network6, addresses).min(1, addresses) }, mustBe("a table")).optional(),
  route: z.array(route, mustBe("an array of tables")).optional(),
};

const monitoring = mustBe("a table with miimon-frequency-ms or arpmon-interval-ms");
const miiKeys = {
  "miimon-frequency-ms": milliseconds,
  "miimon-updelay-ms": milliseconds.optional(),
  "miimon-downdelay-ms": milliseconds.optional(),
};
const arpKeys = {
  "arpmon-interval-ms": milliseconds,
  "arpmon-validate": oneOf(...arpValidates),
  "arpmon-targets": z
    .array(z.ipv4(mustBe("an IPv4 address")), targets)
    .min(1, targets)
    .max(16, targets),
};
const bondKeys = {
  ...addressingKeys,
  kind: z.literal("bond"),
  mode: oneOf("active-backup"),
  "min-links": wholeNumber({ least: 0, most: int32Most }).optional(),
  interfaces: z.array(linkNameType, mustBe("a list of interface names")),
};
export const shapes = {
  dhcpOnly: z.strictObject(dhcpKeys, mustBe("a table")),
  addressing: z.strictObject(addressingKeys, mustBe("a table")),
  miiBond: z.strictObject({ ...bondKeys, monitoring: z.strictObject(miiKeys, monitoring) }),
  arpBond: z.strictObject({ ...bondKeys, monitoring: z.strictObject(arpKeys, monitoring) }),
  vlan: z.strictObject({
    ...addressingKeys,
    kind: z.literal("vlan"),
    device: linkNameType,
    id: wholeNumber({ least: 0, most: 4094 }),
  }),
};
type Written<Name extends keyof typeof shapes> = z.infer<(typeof shapes)[Name]>;

/** A table that has its shape, with the words of this program. */
export const linkOf = {
  addressing: (key: LinkKey, table: Written<"addressing">): Link => ({
    kind: "interface",
    key,
    addressing: addressingOf(table),
  }),
  vlan: (key: { name: string }, table: Written<"vlan">): Link => ({
    kind: "vlan",
    key,
    addressing: addressingOf(table),
    device: table.device,
    id: table.id,
  }),
  miiBond: (key: { name: string }, { monitoring, ...table }: Written<"miiBond">): Link => ({
    ...bondOf(key, table),
    monitoring: {
      kind: "mii",
      frequencyMs: monitoring["miimon-frequency-ms"],
      upDelayMs: monitoring["miimon-updelay-ms"],
      downDelayMs: monitoring["miimon-downdelay-ms"],
    },
  }),
  arpBond: (key: { name: string }, { monitoring, ...table }: Written<"arpBond">): Link => ({
    ...bondOf(key, table),
    monitoring: {
      kind: "arp",
      intervalMs: monitoring["arpmon-interval-ms"],
      validate: monitoring["arpmon-validate"],
      targets: monitoring["arpmon-targets"],
    },
  }),
};

function bondOf(key: { name: string }, table: Omit<Written<"miiBond">, "monitoring">) {
  return {
    kind: "bond" as const,
    key,
    addressing: addressingOf(table),
    minLinks: table["min-links"],
    interfaces: table.interfaces,
  };
}

function addressingOf(table: Written<"addressing">): Addressing {
  return {
    primary: table.primary ?? false,
    dhcp4: dhcpOf(table.dhcp4),
    dhcp6: dhcpOf(table.dhcp6),
    static4: table.static4?.addresses ?? [],
    static6: table.static6?.addresses ?? [],
    routes: (table.route ?? []).map(({ to, from, via, "route-metric": routeMetric }) => ({
      to,
      from,
      via,
      routeMetric,
    })),
  };
}

function dhcpOf(written: z.infer<typeof dhcp> | undefined): Dhcp | undefined {
  if (written?.enabled !== true) return undefined;
  return { optional: written.optional ?? false, routeMetric: written["route-metric"] };
}
