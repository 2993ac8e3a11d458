import { expect, test } from "bun:test";
import { parseNetToml } from "./net-toml.ts";
import { defaultLinkFiles, networkdFiles, withoutIpv6 } from "./networkd.ts";

const lease = { useDns: true, useDomains: true };

function render(text: string): Record<string, string> {
  const parsed = parseNetToml(text);
  if (!parsed.ok) throw new Error(parsed.problems.map(({ message }) => message).join("\n"));
  return Object.fromEntries(
    networkdFiles(parsed.value, lease).map(({ path, content }) => [
      path.replace("/etc/systemd/network/", ""),
      content.split("\n").slice(1).join("\n").trim(),
    ]),
  );
}

test("the image's DHCP on every link is hidden as soon as there is a configuration", () => {
  expect(render("version = 1\n[eno1]\ndhcp4 = true")["80-dhcp.network"]).toBe("");
});

test("a link with DHCPv4 alone does not speak IPv6", () => {
  expect(render("version = 1\n[eno1]\ndhcp4 = { enabled = true, route-metric = 5 }")["10-eno1.network"]).toBe(
    `[Match]
Name=eno1

[Link]
RequiredFamilyForOnline=ipv4

[Network]
DHCP=ipv4
LinkLocalAddressing=no
IPv6AcceptRA=no

[DHCPv4]
UseHostname=no
RouteMetric=5
UseDomains=yes`,
  );
});

test("nothing waits for an optional lease", () => {
  const files = render(
    "version = 1\n[a]\ndhcp4 = { enabled = true, optional = true }\n[b]\ndhcp4 = true\ndhcp6 = true",
  );
  expect(files["10-a.network"]).toContain("RequiredForOnline=no");
  expect(files["10-b.network"]).toContain("RequiredFamilyForOnline=both");
});

test("static addresses come with their routes, and a default route by hand ends router advertisements", () => {
  const files = render(`
    version = 3
    ["0E:B3:53:6C:1D:4D"]
    static4 = { addresses = ["10.0.0.2/24", "10.0.0.3/24"] }
    static6 = { addresses = ["2001:db8::2/64"] }
    route = [
      { to = "default", via = "10.0.0.1", from = "10.0.0.2", route-metric = 10 },
      { to = "10.9.0.0/16" },
      { to = "default", via = "2001:db8::1" },
    ]`);
  expect(files["10-0eb3536c1d4d.network"]).toBe(
    `[Match]
PermanentMACAddress=0e:b3:53:6c:1d:4d

[Link]
RequiredFamilyForOnline=both

[Network]
DHCP=no
LinkLocalAddressing=ipv6
IPv6AcceptRA=no
Address=10.0.0.2/24
Address=10.0.0.3/24
Address=2001:db8::2/64

[IPv6AcceptRA]
UseDomains=yes

[Route]
Destination=0.0.0.0/0
Gateway=10.0.0.1
PreferredSource=10.0.0.2
Metric=10

[Route]
Destination=10.9.0.0/16
Scope=link

[Route]
Destination=::/0
Gateway=2001:db8::1`,
  );
});

test("a bond has a device, its members join it, and the first carries the traffic", () => {
  const files = render(`
    version = 3
    [bond0]
    kind = "bond"
    mode = "active-backup"
    interfaces = ["eno1", "eno2"]
    min-links = 1
    dhcp4 = true
    monitoring = { miimon-frequency-ms = 100, miimon-updelay-ms = 200 }
    [bond1]
    kind = "bond"
    mode = "active-backup"
    interfaces = ["eno3"]
    dhcp4 = true
    monitoring = { arpmon-interval-ms = 500, arpmon-validate = "backup", arpmon-targets = ["10.0.0.1", "10.0.0.2"] }`);
  expect(files["10-bond0.netdev"]).toBe(
    "[NetDev]\nName=bond0\nKind=bond\n\n[Bond]\nMode=active-backup\nMinLinks=1\nMIIMonitorSec=100ms\nUpDelaySec=200ms",
  );
  expect(files["10-bond1.netdev"]).toEndWith(
    "ARPIntervalSec=500ms\nARPValidate=backup\nARPIPTargets=10.0.0.1 10.0.0.2",
  );
  expect(files["10-eno1.network"]).toEndWith("[Network]\nBond=bond0\nPrimarySlave=yes");
  expect(files["10-eno2.network"]).toEndWith("[Network]\nBond=bond0");
  expect(files["10-bond0.network"]).toContain("DHCP=ipv4");
});

test("a VLAN is named by the link below it, which gets a file of its own when it has none", () => {
  const files = render(`
    version = 3
    [eno1]
    dhcp4 = true
    [v10]
    kind = "vlan"
    device = "eno1"
    id = 10
    dhcp4 = true
    [v20]
    kind = "vlan"
    device = "eno2"
    id = 20
    dhcp4 = true`);
  expect(files["10-v10.netdev"]).toBe("[NetDev]\nName=v10\nKind=vlan\n\n[VLAN]\nId=10");
  expect(files["10-eno1.network"]).toContain("VLAN=v10");
  expect(files["10-eno2.network"]).toEndWith("[Network]\nLinkLocalAddressing=no\nIPv6AcceptRA=no\nVLAN=v20");
});

test("what settings say about names is not taken from leases", () => {
  const parsed = parseNetToml("version = 1\n[eno1]\ndhcp4 = true\n");
  const config = parsed.ok ? parsed.value : [];
  const files = networkdFiles(config, { useDns: false, useDomains: false });
  expect(files[1]?.content).toEndWith("[DHCPv4]\nUseHostname=no\nUseDNS=no\nUseDomains=no\n");
});

test("without a configuration only what settings say differs from the image", () => {
  expect(defaultLinkFiles([], lease)).toEqual([]);
  const [dropIn] = defaultLinkFiles([], { useDns: false, useDomains: true });
  expect(dropIn?.path).toBe("/etc/systemd/network/80-dhcp.network.d/50-orlop.conf");
  expect(dropIn?.content).toContain("[DHCPv6]\nUseDNS=no\nUseDomains=yes\n");
  const [linkFile, ...rest] = defaultLinkFiles(["eth1"], lease);
  expect(linkFile?.path).toBe("/etc/systemd/network/10-eth1.network");
  expect(linkFile?.content).toContain("DHCP=ipv4\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n");
  expect(rest).toEqual([]);
});

test("a link without IPv6 loses all that it had of it", () => {
  const parsed = parseNetToml(`version = 2
    [eno1]
    dhcp6 = true
    static4 = { addresses = ["10.0.0.2/24"] }
    static6 = { addresses = ["2001:db8::2/64"] }
    route = [{ to = "10.9.0.0/16", via = "10.0.0.1" }]`);
  const [link] = parsed.ok ? parsed.value : [];
  if (link === undefined) throw new Error("the text was refused");
  const [, stripped] = networkdFiles([withoutIpv6(link)], lease);
  expect(stripped?.content).toContain("DHCP=no\nLinkLocalAddressing=no\nIPv6AcceptRA=no\nAddress=10.0.0.2/24\n");
  expect(stripped?.content).toContain("Gateway=10.0.0.1");
});
