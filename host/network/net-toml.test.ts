import { expect, test } from "bun:test";
import fc from "fast-check";
import { describeProblem } from "../../settings/model/problem.ts";
import { parseNetToml } from "./net-toml.ts";
import { primaryLink, type NetworkConfig } from "./network-config.ts";

function accepted(text: string): NetworkConfig {
  const parsed = parseNetToml(text);
  expect(parsed.ok ? [] : parsed.problems).toEqual([]);
  return parsed.ok ? parsed.value : [];
}

function refusals(text: string): string[] {
  const parsed = parseNetToml(text);
  return parsed.ok ? [] : parsed.problems.map(describeProblem);
}

const withoutPlace = (message: string): string => message.replace(/^line \d+, column \d+: /, "");

test("a byte order mark is no content, and UTF-16 is called so", () => {
  const text = "version = 1\r\n[eno1]\r\ndhcp4 = true\r\n";
  expect(accepted(`\uFEFF${text}`)).toEqual(accepted(text));
  // As it is read: byte by byte, as if it were UTF-8.
  const wide = Buffer.from(text, "utf16le").toString("utf8");
  expect(refusals(wide)).toEqual(["line 1, column 2: it holds NUL characters, as UTF-16 has, and must be UTF-8"]);
});

test("version 1 knows DHCP in its short and its long form", () => {
  const links = accepted(`
    version = 1
    [eno1]
    dhcp4 = true
    [eno2]
    primary = true
    dhcp4 = { enabled = true, optional = true, route-metric = 200 }
    dhcp6 = { enabled = false }
  `);
  expect(links.map(({ addressing }) => addressing.dhcp4)).toEqual([
    { optional: false, routeMetric: undefined },
    { optional: true, routeMetric: 200 },
  ]);
  expect(links[1]?.addressing.dhcp6).toBeUndefined();
  expect(primaryLink(links)?.key).toEqual({ name: "eno2" });
});

test("the first link of the file is primary when none says that it is", () => {
  expect(primaryLink(accepted("version = 1\n[b]\ndhcp4 = true\n[a]\ndhcp4 = true"))?.key).toEqual({ name: "b" });
});

test("version 2 adds static addresses and routes", () => {
  const [link] = accepted(`
    version = 2
    [eno1]
    static4 = { addresses = ["192.168.14.2/24", "192.168.14.3/24"] }
    static6 = { addresses = ["2001:db8::2/64"] }
    [[eno1.route]]
    to = "default"
    via = "192.168.14.1"
    route-metric = 100
    [[eno1.route]]
    to = "2001:db8:1::/48"
    from = "2001:db8::2"
    via = "2001:db8::1"
  `);
  expect(link?.addressing.static4).toEqual(["192.168.14.2/24", "192.168.14.3/24"]);
  expect(link?.addressing.routes.map(({ to, via }) => [to, via])).toEqual([
    ["default", "192.168.14.1"],
    ["2001:db8:1::/48", "2001:db8::1"],
  ]);
});

test("version 3 adds MAC addresses, bonds with either monitoring, and VLANs on top", () => {
  const links = accepted(`
    version = 3
    ["0E:B3:53:6C:1D:4D"]
    dhcp4 = true
    [bond0]
    kind = "bond"
    mode = "active-backup"
    interfaces = ["eno11", "eno12"]
    min-links = 1
    dhcp4 = true
    [bond0.monitoring]
    miimon-frequency-ms = 100
    miimon-updelay-ms = 200
    miimon-downdelay-ms = 200
    [bond1]
    kind = "bond"
    mode = "active-backup"
    interfaces = ["eno13"]
    static4 = { addresses = ["10.1.0.2/16"] }
    [bond1.monitoring]
    arpmon-interval-ms = 500
    arpmon-validate = "all"
    arpmon-targets = ["10.1.0.1"]
    [vlan10]
    kind = "vlan"
    device = "bond0"
    id = 10
    dhcp6 = { enabled = true }
  `);
  expect(links.map(({ kind, key }) => [kind, key])).toEqual([
    ["interface", { mac: "0e:b3:53:6c:1d:4d" }],
    ["bond", { name: "bond0" }],
    ["bond", { name: "bond1" }],
    ["vlan", { name: "vlan10" }],
  ]);
});

test("a syntax error says line and column", () => {
  expect(refusals("version = 1\n[eno1\n")[0]).toStartWith("line 2, column ");
});

test("a problem says where the key stands", () => {
  expect(refusals("version = 2\n[eno1]\ndhcp4 = true\n  dhcp6 = 7\n")[0]).toStartWith(
    "line 4, column 3: eno1.dhcp6 must be",
  );
});

const bond = (keys: string): string =>
  `version = 3\n[bond0]\nkind = "bond"\nmode = "active-backup"\ndhcp4 = true\n${keys}`;
const monitored = "monitoring = { miimon-frequency-ms = 100 }\n";
const refused: [rule: string, text: string, message: string][] = [
  ["a file without version", "[eno1]\ndhcp4 = true", "version must be 1, 2 or 3, is missing"],
  ["a version that nobody knows", "version = 4", "version must be 1, 2 or 3, is 4"],
  [
    "a misspelled key",
    "version = 1\n[eno1]\ndhcpv4 = true\ndhcp6 = true",
    "eno1.dhcpv4 is not known; did you mean dhcp4?",
  ],
  [
    "static addresses in version 1",
    'version = 1\n[eno1]\nstatic4 = { addresses = ["10.0.0.1/8"] }',
    "eno1.static4 is not known",
  ],
  [
    "a MAC address before version 3",
    'version = 2\n["0e:b3:53:6c:1d:4d"]\ndhcp4 = true',
    '"0e:b3:53:6c:1d:4d" must be an interface name: MAC addresses need version = 3',
  ],
  [
    "a name that is too long",
    "version = 1\n[abcdefghijklmnop]\ndhcp4 = true",
    "abcdefghijklmnop must be an interface name: 1 to 15 characters, no dot, slash or space",
  ],
  [
    "a name with a dot",
    'version = 1\n["eno1.5"]\ndhcp4 = true',
    '"eno1.5" must be an interface name: 1 to 15 characters, no dot, slash or space',
  ],
  [
    "a link without addresses",
    "version = 2\n[eno1]\ndhcp4 = false",
    "eno1 must enable dhcp4 or dhcp6, or have static4 or static6 addresses",
  ],
  [
    "text for a flag",
    'version = 1\n[eno1]\ndhcp4 = "yes"',
    'eno1.dhcp4 must be true, false, or a table with enabled, optional and route-metric, is "yes"',
  ],
  [
    "DHCP without enabled",
    "version = 1\n[eno1]\ndhcp4 = { optional = true }",
    "eno1.dhcp4.enabled is missing: it must be true or false",
  ],
  [
    "an IPv6 address among IPv4 ones",
    'version = 2\n[eno1]\nstatic4 = { addresses = ["2001:db8::1/64"] }',
    'eno1.static4.addresses.0 must be an IPv4 address with prefix length, such as 192.168.0.5/24, is "2001:db8::1/64"',
  ],
  [
    "an address without prefix length",
    'version = 2\n[eno1]\nstatic4 = { addresses = ["10.0.0.1"] }',
    'eno1.static4.addresses.0 must be an IPv4 address with prefix length, such as 192.168.0.5/24, is "10.0.0.1"',
  ],
  [
    "routes without static addresses",
    'version = 2\n[eno1]\ndhcp4 = true\nroute = [{ to = "10.0.0.0/8" }]',
    "eno1.route needs static4 or static6 addresses",
  ],
  [
    "routes together with DHCP of their family",
    'version = 2\n[eno1]\ndhcp4 = true\nstatic4 = { addresses = ["10.0.0.1/8"] }\nroute = [{ to = "default", via = "10.0.0.2" }]',
    "eno1.route.0 cannot be combined with dhcp4, which brings its own routes",
  ],
  [
    "a default route of no family",
    'version = 2\n[eno1]\nstatic4 = { addresses = ["10.0.0.1/8"] }\nstatic6 = { addresses = ["fd00::1/8"] }\nroute = [{ to = "default" }]',
    "eno1.route.0 must say which family it is for: add via or from",
  ],
  [
    "a route of two families",
    'version = 2\n[eno1]\nstatic4 = { addresses = ["10.0.0.1/8"] }\nroute = [{ to = "10.0.0.0/8", via = "fd00::1" }]',
    "eno1.route.0 must have to, from and via of one family, IPv4 or IPv6",
  ],
  [
    "two primary links",
    "version = 1\n[a]\nprimary = true\ndhcp4 = true\n[b]\nprimary = true\ndhcp4 = true",
    "b.primary must not be true: another link is primary already",
  ],
  ["an unknown kind", 'version = 3\n[br0]\nkind = "bridge"', 'br0.kind must be "bond" or "vlan", is "bridge"'],
  [
    "a bond that is keyed by MAC address",
    'version = 3\n["0e:b3:53:6c:1d:4d"]\nkind = "vlan"\ndevice = "a"\nid = 1\ndhcp4 = true',
    '"0e:b3:53:6c:1d:4d" must be a name: a bond or VLAN has no address of its own',
  ],
  [
    "another bond mode",
    bond(`interfaces = ["a"]\n${monitored}`).replace("active-backup", "802.3ad"),
    'bond0.mode must be active-backup, is "802.3ad"',
  ],
  [
    "a bond without monitoring",
    bond('interfaces = ["a"]'),
    "bond0.monitoring is missing: it must be a table with miimon-frequency-ms or arpmon-interval-ms",
  ],
  [
    "both kinds of monitoring",
    bond(
      'interfaces = ["a"]\nmonitoring = { miimon-frequency-ms = 1, arpmon-interval-ms = 1, arpmon-validate = "all", arpmon-targets = ["10.0.0.1"] }',
    ),
    "bond0.monitoring.miimon-frequency-ms is not known",
  ],
  ["a bond of nothing", bond(`interfaces = []\n${monitored}`), "bond0.interfaces must name one or more interfaces"],
  [
    "more minimum links than links",
    bond(`interfaces = ["a"]\nmin-links = 2\n${monitored}`),
    "bond0.min-links must be at most 1, the number of interfaces",
  ],
  [
    "a bond's member that is configured on its own",
    bond(`interfaces = ["a"]\n${monitored}[a]\ndhcp4 = true`),
    "bond0.interfaces has a, which must not be configured on its own",
  ],
  [
    "a member of two bonds",
    bond(`interfaces = ["a"]\n${monitored}`) +
      bond(`interfaces = ["a"]\n${monitored}`).replace("version = 3", "").replace("bond0", "bond1"),
    "bond1.interfaces has a, which is in bond0 already",
  ],
  [
    "a monitoring frequency of 0",
    bond('interfaces = ["a"]\nmonitoring = { miimon-frequency-ms = 0 }'),
    "bond0.monitoring.miimon-frequency-ms must be above 0",
  ],
  [
    "a delay below the frequency",
    bond('interfaces = ["a"]\nmonitoring = { miimon-frequency-ms = 100, miimon-updelay-ms = 50 }'),
    "bond0.monitoring.miimon-updelay-ms must be at least miimon-frequency-ms, 100",
  ],
  [
    "an ARP interval of 0",
    bond(
      'interfaces = ["a"]\nmonitoring = { arpmon-interval-ms = 0, arpmon-validate = "all", arpmon-targets = ["10.0.0.1"] }',
    ),
    "bond0.monitoring.arpmon-interval-ms must be above 0",
  ],
  [
    "a VLAN id beyond 4094",
    'version = 3\n[v]\nkind = "vlan"\ndevice = "a"\nid = 4095\ndhcp4 = true',
    "v.id must be a whole number from 0 to 4094, is 4095",
  ],
  [
    "a VLAN on a bond's member",
    bond(`interfaces = ["a"]\n${monitored}[v]\nkind = "vlan"\ndevice = "a"\nid = 1\ndhcp4 = true`),
    "v.device must not be a, which is part of a bond",
  ],
  ["something that is no table", "version = 1\neno1 = true", "eno1 must be a table, is true"],
];

for (const [rule, text, message] of refused) {
  test(`it refuses ${rule}`, () => expect(refusals(text).map(withoutPlace)).toContain(message));
}

test("any text is read or refused with sentences", () => {
  const words = fc.constantFrom(
    "version = 3",
    "[eno1]",
    "[[eno1.route]]",
    "dhcp4 = true",
    'kind = "bond"',
    "id = 1",
    "= ",
    '"',
    "to = 1979-05-27",
    "monitoring = { a = 1 }",
  );
  const texts = fc.oneof(
    fc.string(),
    fc.array(words).map((lines) => lines.join("\n")),
  );
  fc.assert(
    fc.property(texts, (text) => {
      const parsed = parseNetToml(text);
      if (!parsed.ok) for (const problem of parsed.problems) expect(problem.message).not.toBe("");
    }),
  );
});
