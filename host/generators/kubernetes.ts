/** What a node finds out about itself: its address, and on EC2 its name, its id and the cluster's name server. */
import type { Generator } from "./generator.ts";
import { reachedImds } from "./instance-metadata.ts";
import { primaryAddress } from "./primary-address.ts";

const group = "kubernetes";
const macAddress = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/i;

/** Source: Bottlerocket's pluto and netdog node-ip. */
export const nodeIp: Generator = {
  key: "settings.kubernetes.node-ip",
  group,
  description: "the primary address, of the family that the cluster's name server has",
  async generate(host, signal) {
    const [server] = host.settings.kubernetes?.["cluster-dns-ip"] ?? [];
    const isIpv6 = server?.includes(":") === true;
    return primaryAddress(host, isIpv6 ? ["IPv6"] : ["IPv4", "IPv6"], signal);
  },
};

export const providerId: Generator = {
  key: "settings.kubernetes.provider-id",
  group,
  platform: "aws",
  description: "the instance's zone and id, from its metadata",
  async generate({ system }, signal) {
    const imds = await reachedImds(system, signal);
    const zone = await imds.value("meta-data/placement/availability-zone", signal);
    const instance = await imds.value("meta-data/instance-id", signal);
    return zone === undefined || instance === undefined ? undefined : `aws:///${zone}/${instance}`;
  },
};

/** The cluster lets an instance register only under the name that its role is mapped to. */
export const hostnameOverride: Generator = {
  key: "settings.kubernetes.hostname-override",
  group,
  platform: "aws",
  description: "the instance's private DNS name, or its id when hostname-override-source says so",
  async generate({ system, settings }, signal) {
    const imds = await reachedImds(system, signal);
    const source = settings.kubernetes?.["hostname-override-source"] ?? "private-dns-name";
    const name =
      source === "instance-id" ? await imds.value("meta-data/instance-id", signal) : await imds.localHostname(signal);
    return name?.toLowerCase();
  },
};

/**
 * EKS takes 10.100.0.0/16 for services unless the VPC has addresses of 10.0.0.0/8, then 172.20.0.0/16. Every range of
 * the VPC counts, since further ones may be added to a VPC. For a cluster with a range of its own the setting has to be
 * set.
 */
export const clusterDnsIp: Generator = {
  key: "settings.kubernetes.cluster-dns-ip",
  group,
  platform: "aws",
  description: "the tenth address of the range that EKS takes for services, by the ranges of the VPC",
  async generate({ system }, signal) {
    const imds = await reachedImds(system, signal);
    const mac = await imds.value("meta-data/mac", signal);
    if (mac === undefined || !macAddress.test(mac)) return undefined;
    const ranges = await imds.words(`meta-data/network/interfaces/macs/${mac}/vpc-ipv4-cidr-blocks`, signal);
    if (ranges.length === 0) return undefined;
    return ranges.some((range) => range.startsWith("10.")) ? "172.20.0.10" : "10.100.0.10";
  },
};
