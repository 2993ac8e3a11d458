import { expect, test } from "bun:test";
import type { Json } from "../../lib/text/json.ts";
import { modelFor } from "../../settings/model/model.ts";
import { imdsServer } from "../../test/worlds/host/imds.ts";
import { factsOf, settingsOf } from "../../test/worlds/host/settings.ts";
import { testSystem, type TestSystem, type TestSystemOptions } from "../../test/worlds/host/system.ts";
import type { Facts } from "../machine/facts.ts";
import type { Interfaces } from "../machine/system.ts";
import { generate, generatorsOf } from "./generate.ts";
import { hostname } from "./hostname.ts";
import { seed } from "./seed.ts";

const { signal } = new AbortController();
const dev = factsOf();
const aws: Facts = { ...dev, variant: { ...dev.variant, platform: "aws", groups: [...dev.variant.groups, "aws"] } };

const link = (address: string, mac = "52:54:00:12:34:56"): NonNullable<Interfaces[string]>[number] =>
  address.includes(":")
    ? { address, family: "IPv6", netmask: "", mac, internal: false, cidr: null, scopeid: 0 }
    : { address, family: "IPv4", netmask: "", mac, internal: false, cidr: null };

const routes = `Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT
eth1\t00000000\t0202000A\t0003\t0\t0\t2048\t00000000\t0\t0\t0
eth0\t00000000\t0202000A\t0003\t0\t0\t1024\t00000000\t0\t0\t0
eth0\t0002000A\t00000000\t0001\t0\t0\t1024\t00FFFFFF\t0\t0\t0
`;
const interfaces = (): Interfaces => ({ eth0: [link("fe80::1"), link("10.0.2.15")], eth1: [link("10.9.9.9")] });

async function networked(options: TestSystemOptions = {}): Promise<TestSystem> {
  const host = await testSystem({ interfaces, ...options });
  await host.write("/proc/net/route", routes);
  return host;
}

const named = (host: TestSystem, facts = dev): Promise<Json | undefined> =>
  hostname.generate({ system: host.system, facts, settings: settingsOf() }, signal);

test("seeds are spread over 0 to 2047", async () => {
  await using host = await testSystem();
  const drawn = new Set<Json | undefined>();
  for (let draw = 0; draw < 5000; draw++) {
    const value = await seed.generate({ system: host.system, facts: dev, settings: settingsOf() }, signal);
    expect(value).toBeWithin(0, 2048);
    drawn.add(value);
  }
  expect(drawn.size).toBeGreaterThan(1700);
});

test("a host is named by the name of its primary address in DNS, in lower case", async () => {
  const requests: string[] = [];
  const namesOf = async (address: string): Promise<string[]> => (
    requests.push(address),
    ["not_valid", "Node-1.Example.COM."]
  );
  await using host = await networked({ dns: { namesOf } });
  expect(await named(host)).toBe("node-1.example.com");
  expect(requests).toEqual(["10.0.2.15"]);
});

test("without a name in DNS the address itself is the name", async () => {
  await using host = await networked();
  expect(await named(host)).toBe("10.0.2.15");
});

test("an IPv6 address is a name too, once its colons are gone", async () => {
  await using host = await testSystem({ interfaces: () => ({ eth0: [link("fe80::1"), link("2001:db8::5")] }) });
  const zeros = "0".repeat(32);
  await host.write(
    "/proc/net/ipv6_route",
    `${zeros} 00 ${zeros} 00 fe800000000000000000000000000002 00000400 00000001 00000000 00000003 eth0\n` +
      `${zeros} 00 ${zeros} 00 ${zeros} ffffffff 00000001 00000000 00200200 lo\n`,
  );
  expect(await named(host)).toBe("2001-db8--5");
});

test("net.toml says which link is primary, by name or by MAC address", async () => {
  await using host = await networked();
  const from = "/var/lib/orlop/net.toml";
  const byName = { from, text: "version = 1\n[eth0]\ndhcp4 = true\n[eth1]\nprimary = true\ndhcp4 = true\n" };
  expect(await named(host, { ...dev, network: byName })).toBe("10.9.9.9");
  const byMac = { from, text: 'version = 3\n["52:54:00:12:34:56"]\ndhcp4 = true\n' };
  expect(await named(host, { ...dev, network: byMac })).toBe("10.0.2.15");
});

test("an address that comes late is waited for, and one that never comes is a failure after 15 s", async () => {
  let looks = 0;
  await using late = await networked({ interfaces: () => (++looks < 20 ? {} : interfaces()) });
  expect(await named(late)).toBe("10.0.2.15");
  await using none = await testSystem();
  const startedMs = none.system.clock.elapsedMs();
  await expect(named(none)).rejects.toThrow("cannot find the primary address after 15 s: no link has a default route");
  expect(none.system.clock.elapsedMs() - startedMs).toBe(15_000);
});

test("a link that net.toml calls primary and that is not there is named, beside those that are", async () => {
  await using host = await networked();
  await host.write("/sys/class/net/enp0s2/address", "52:54:00:12:34:56\n");
  const from = "/var/lib/orlop/net.toml";
  const absent = { from, text: "version = 1\n[eth7]\ndhcp4 = true\n" };
  await expect(named(host, { ...dev, network: absent })).rejects.toThrow("there is no link eth7, only enp0s2");
  const silent = { from, text: "version = 1\n[enp0s2]\ndhcp4 = true\n" };
  await expect(named(host, { ...dev, network: silent })).rejects.toThrow("enp0s2 has none");
});

test("on EC2 the name is EC2's", async () => {
  await using server = imdsServer();
  await using host = await networked({ fetch: server.fetch });
  server.answers.set("meta-data/local-hostname", "ip-10-0-0-5.eu-central-1.compute.internal");
  expect(await named(host, aws)).toBe("ip-10-0-0-5.eu-central-1.compute.internal");
  server.answers.delete("meta-data/local-hostname");
  expect(await named(host, aws)).toBe("10.0.2.15");
});

test.each([
  ["ip-10-17-31-27.us-west-2.compute.internal one.example two.example", "ip-10-17-31-27.us-west-2.compute.internal"],
  ["\n IP-10-0-0-5.ec2.internal.\tother.example \n", "ip-10-0-0-5.ec2.internal"],
  ["bad_name ip-10-0-0-5.ec2.internal", "10.0.2.15"],
  [`ip-10-0-0-5.${"a".repeat(50)}.example.com`, "ip-10-0-0-5"],
  [" \n", "10.0.2.15"],
  ["localhost", "10.0.2.15"],
  ["<html>no such thing</html>", "10.0.2.15"],
])("of %j from EC2 the name is %s", async (answer, name) => {
  await using server = imdsServer();
  await using host = await networked({ fetch: server.fetch });
  server.answers.set("meta-data/local-hostname", answer);
  expect(await named(host, aws)).toBe(name);
});

test("a name in DNS that the kernel could not hold is cut at its first dot", async () => {
  const label = "node-with-a-long-name-in-zone-europe-west1-b";
  await using host = await networked({
    dns: { namesOf: async () => [`${label}.c.project-with-a-long-name.internal.`] },
  });
  expect(await named(host)).toBe(label);
});

test("the region of EC2 may come with white space around it", async () => {
  await using server = imdsServer();
  await using host = await networked({ fetch: server.fetch });
  server.answers.set("meta-data/placement/region", "eu-central-1\n");
  const world = { system: host.system, facts: aws, settings: settingsOf(), model: modelFor(aws.variant) };
  expect((await generate(world, () => false, signal)).values.get("settings.aws.region")).toBe("eu-central-1");
});

test("only what nobody set is generated, and a failure leaves the others their values", async () => {
  await using server = imdsServer();
  await using host = await testSystem({ fetch: server.fetch });
  server.answers.set("meta-data/placement/region", "eu-central-1");
  const world = { system: host.system, facts: aws, settings: settingsOf(), model: modelFor(aws.variant) };
  const { values, failures } = await generate(world, (key) => key === "settings.updates.seed", signal);
  expect(Object.fromEntries(values)).toEqual({ "settings.aws.region": "eu-central-1" });
  expect(failures.map(({ key }) => key)).toEqual(["settings.network.hostname"]);
});

test("a value that its setting does not take is a failure, not a setting", async () => {
  await using server = imdsServer();
  await using host = await networked({ fetch: server.fetch });
  server.answers.set("meta-data/placement/region", "no region at all");
  const world = { system: host.system, facts: aws, settings: settingsOf(), model: modelFor(aws.variant) };
  const { values, failures } = await generate(world, () => false, signal);
  expect(values.has("settings.aws.region")).toBe(false);
  expect(String(failures[0]?.error)).toContain("settings.aws.region must be a region");
});

test("a variant has the generators of its groups and platform", () => {
  expect(generatorsOf(dev).map(({ key }) => key)).toEqual(["settings.updates.seed", "settings.network.hostname"]);
  expect(generatorsOf(aws).map(({ key }) => key)).toContain("settings.aws.region");
});
