/** The shape of `net.toml`: what a table of each kind may hold, and where each value goes. */
import { z } from "zod";
import { arpValidates, type Addressing, type Dhcp, type Link, type LinkKey } from "./network-config.ts";

const mustBe = (words: string): { error: string } => ({ error: `must be ${words}` });

const flag = (): z.ZodBoolean => z.boolean(mustBe("true or false"));

function wholeNumber(most: number): z.ZodInt {
  const bounds = mustBe(`a whole number from 0 to ${most}`);
  return z.int(bounds).min(0, bounds).max(most, bounds);
}

export const linkNameType = z
  .string(mustBe("text"))
  .regex(/^[^./\s\p{Cc}]{1,15}$/u, mustBe("an interface name: 1 to 15 characters, no dot, slash or space"));

const int32Most = 2 ** 31 - 1;

/** Made when a file is there to be read: most machines have none. */
let made: ReturnType<typeof makeShapes> | undefined;
export const shapes = (): ReturnType<typeof makeShapes> => (made ??= makeShapes());

function makeShapes() {
  const addressing = addressingShape();
  const [mii, arp] = monitoringShapes();
  const bond = {
    ...addressing,
    kind: z.literal("bond"),
    mode: z.literal("active-backup", mustBe("active-backup")),
    "min-links": wholeNumber(int32Most).optional(),
    interfaces: z.array(linkNameType, mustBe("a list of interface names")),
  };
  const { primary, dhcp4, dhcp6 } = addressing;
  return {
    dhcpOnly: z.strictObject({ primary, dhcp4, dhcp6 }, mustBe("a table")),
    addressing: z.strictObject(addressing, mustBe("a table")),
    miiBond: z.strictObject({ ...bond, monitoring: mii }),
    arpBond: z.strictObject({ ...bond, monitoring: arp }),
    vlan: z.strictObject({ ...addressing, kind: z.literal("vlan"), device: linkNameType, id: wholeNumber(4094) }),
  };
}

/** `dhcp4 = true` is short for `dhcp4 = { enabled = true }`. */
function dhcpShape() {
  return z.preprocess(
    (value) => (typeof value === "boolean" ? { enabled: value } : value),
    z.strictObject(
      { enabled: flag(), optional: flag().optional(), "route-metric": wholeNumber(2 ** 32 - 1).optional() },
      mustBe("true, false, or a table with enabled, optional and route-metric"),
    ),
  );
}

function addressingShape() {
  const address = z.union([z.ipv4(), z.ipv6()], mustBe("an IP address"));
  const network4 = z.cidrv4(mustBe("an IPv4 address with prefix length, such as 192.168.0.5/24"));
  const network6 = z.cidrv6(mustBe("an IPv6 address with prefix length, such as 2001:db8::5/64"));
  const addresses = mustBe("a list of one or more addresses");
  const route = z.strictObject(
    {
      to: z.union([z.literal("default"), z.cidrv4(), z.cidrv6()], mustBe('"default" or a network such as 10.0.0.0/8')),
      from: address.optional(),
      via: address.optional(),
      "route-metric": wholeNumber(2 ** 32 - 1).optional(),
    },
    mustBe("a table"),
  );
  return {
    primary: flag().optional(),
    dhcp4: dhcpShape().optional(),
    dhcp6: dhcpShape().optional(),
    static4: z
      .strictObject({ addresses: z.array(network4, addresses).min(1, addresses) }, mustBe("a table"))
      .optional(),
    static6: z
      .strictObject({ addresses: z.array(network6, addresses).min(1, addresses) }, mustBe("a table"))
      .optional(),
    route: z.array(route, mustBe("an array of tables")).optional(),
  };
}

function monitoringShapes() {
  const table = mustBe("a table with miimon-frequency-ms or arpmon-interval-ms");
  const targets = mustBe("a list of 1 to 16 IPv4 addresses");
  const mii = z.strictObject(
    {
      "miimon-frequency-ms": wholeNumber(int32Most),
      "miimon-updelay-ms": wholeNumber(int32Most).optional(),
      "miimon-downdelay-ms": wholeNumber(int32Most).optional(),
    },
    table,
  );
  const arp = z.strictObject(
    {
      "arpmon-interval-ms": wholeNumber(int32Most),
      "arpmon-validate": z.enum(arpValidates, mustBe(`one of ${arpValidates.join(", ")}`)),
      "arpmon-targets": z
        .array(z.ipv4(mustBe("an IPv4 address")), targets)
        .min(1, targets)
        .max(16, targets),
    },
    table,
  );
  return [mii, arp] as const;
}

type Shapes = ReturnType<typeof makeShapes>;
type Written<Name extends keyof Shapes> = z.infer<Shapes[Name]>;

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

function dhcpOf(written: Written<"addressing">["dhcp4"]): Dhcp | undefined {
  if (written?.enabled !== true) return undefined;
  return { optional: written.optional ?? false, routeMetric: written["route-metric"] };
}
