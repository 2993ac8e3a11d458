import { expect, test } from "bun:test";
import type { Json } from "../../lib/text/json.ts";
import { imdsServer } from "../../test/worlds/host/imds.ts";
import { factsOf, settingsOf } from "../../test/worlds/host/settings.ts";
import { testSystem, type TestSystemOptions } from "../../test/worlds/host/system.ts";
import type { Generator } from "./generator.ts";
import { clusterDnsIp, hostnameOverride, nodeIp, providerId } from "./kubernetes.ts";

const { signal } = new AbortController();
const variant = "aws-k8s-1.20";

async function generated(
  generator: Generator,
  answers: Readonly<Record<string, string>>,
  kubernetes: Json = {},
  options: TestSystemOptions = {},
): Promise<Json | undefined> {
  await using server = imdsServer();
  for (const [path, answer] of Object.entries(answers)) server.answers.set(path, answer);
  await using host = await testSystem({ fetch: server.fetch, ...options });
  await host.write("/proc/net/route", "Iface\tDestination\neth0\t00000000\t0\t3\t0\t0\t1024\t00000000\t0\t0\t0\n");
  const settings = settingsOf({ kubernetes }, variant);
  return await generator.generate({ system: host.system, facts: factsOf(variant), settings }, signal);
}

test("a node is known to its cloud by zone and instance", async () => {
  const answers = { "meta-data/placement/availability-zone": "us-west-2a", "meta-data/instance-id": "i-0123" };
  expect(await generated(providerId, answers)).toBe("aws:///us-west-2a/i-0123");
});

test("what EC2 answers with white space around it, or not at all, names no other node", async () => {
  const zone = { "meta-data/placement/availability-zone": " us-west-2a\n" };
  expect(await generated(providerId, { ...zone, "meta-data/instance-id": "i-0123\r\n" })).toBe(
    "aws:///us-west-2a/i-0123",
  );
  expect(await generated(providerId, { ...zone, "meta-data/instance-id": " \n" })).toBeUndefined();
  expect(await generated(hostnameOverride, { "meta-data/local-hostname": "\n" })).toBeUndefined();
  const mac = "02:00:00:00:00:01";
  const ranges = `meta-data/network/interfaces/macs/${mac}/vpc-ipv4-cidr-blocks`;
  expect(await generated(clusterDnsIp, { "meta-data/mac": `${mac}\n`, [ranges]: "\n10.8.0.0/16\n" })).toBe(
    "172.20.0.10",
  );
  expect(await generated(clusterDnsIp, { "meta-data/mac": mac, [ranges]: " \n" })).toBeUndefined();
  expect(await generated(clusterDnsIp, { "meta-data/mac": "../../user-data" })).toBeUndefined();
});

test("a node registers under its private DNS name, or its id when that is asked for", async () => {
  const answers = {
    "meta-data/local-hostname": "IP-10-0-0-1.ec2.internal other.example",
    "meta-data/instance-id": "i-0123",
  };
  expect(await generated(hostnameOverride, answers)).toBe("ip-10-0-0-1.ec2.internal");
  expect(await generated(hostnameOverride, answers, { "hostname-override-source": "instance-id" })).toBe("i-0123");
});

test.each([
  ["192.168.0.0/16", "10.100.0.10"],
  ["10.0.0.0/16", "172.20.0.10"],
  ["192.168.0.0/16\n10.8.0.0/16", "172.20.0.10"],
])("the cluster's name server in a VPC of %j is %s", async (ranges, address) => {
  const mac = "02:00:00:00:00:01";
  const answers = { "meta-data/mac": mac, [`meta-data/network/interfaces/macs/${mac}/vpc-ipv4-cidr-blocks`]: ranges };
  expect(await generated(clusterDnsIp, answers)).toBe(address);
});

test("a node's address has the family of the cluster's name server", async () => {
  const common = { netmask: "", mac: "52:54:00:12:34:56", internal: false, cidr: null };
  const interfaces = () => ({
    eth0: [
      { ...common, address: "10.0.2.15", family: "IPv4" as const },
      { ...common, address: "fd00::5", family: "IPv6" as const, scopeid: 0 },
    ],
  });
  expect(await generated(nodeIp, {}, {}, { interfaces })).toBe("10.0.2.15");
  expect(await generated(nodeIp, {}, { "cluster-dns-ip": "fd00::a" }, { interfaces })).toBe("fd00::5");
});
