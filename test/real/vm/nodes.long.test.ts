/**
 * Protects: two hosts are one cluster. Pods of one reach those of the other by their addresses and through services, and a
 * host whose clock is wrong says that this is why it cannot join.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { JsonObject } from "../../../lib/text/json.ts";
import { hostOfGuests } from "../../../vm/qemu/qemu.ts";
import { macAddressOf } from "../../../vm/qemu/qemu.ts";
import { kubeProxyImage, kubeProxyObjects } from "../../worlds/containers/kube-proxy.ts";
import { busyboxImage } from "../../worlds/containers/oci-image.ts";
import { startTestRegistry, type TestRegistry } from "../../worlds/containers/registry.ts";
import { startMs, TestCluster } from "./cluster.ts";
import type { TestHost } from "./test-host.ts";

const podSeconds = 600;

const nodes = [
  { name: "node-1", address: "192.0.2.1", macAddress: "52:54:00:00:00:01" },
  { name: "node-2", address: "192.0.2.2", macAddress: "52:54:00:00:00:02" },
] as const;

let cluster: TestCluster;
let registry: TestRegistry;
let image: string;
let hosts: readonly TestHost[];

beforeAll(async () => {
  cluster = await TestCluster.start("nodes");
  registry = await startTestRegistry({ tls: true, auth: true });
  await using busybox = await busyboxImage({ entrypoint: ["/bin/sh", "-c"] });
  await registry.push(busybox.layout, "test/busybox:v1");
  await using proxy = await kubeProxyImage(new AbortController().signal);
  await registry.push(proxy.layout, "test/kube-proxy:v1");
  image = `${registry.forGuests}/test/busybox:v1`;
  const port = 20_000 + Math.floor(Math.random() * 10_000);
  hosts = await Promise.all(nodes.map(async (node) => boot(node, port)));
}, startMs);
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
  await registry?.[Symbol.asyncDispose]();
});

/** The first card leads to this computer, the second one to the other nodes. */
const networkConfig = (macAddress: string, address: string): string => `version = 3

["${macAddressOf(0)}"]
dhcp4 = true
primary = true

["${macAddress}".static4]
addresses = ["${address}/24"]
`;

async function boot({ name, address, macAddress }: (typeof nodes)[number], port: number) {
  const settings = {
    pki: registry.pki,
    "container-registry": { credentials: [registry.credential(registry.forGuests)] },
    kubernetes: { "node-ip": address },
  };
  return await cluster.boot(name, settings, {
    sharedNetwork: { port, macAddress },
    networkConfig: networkConfig(macAddress, address),
  });
}

const podOn = (node: string, name: string, args: string, spec: JsonObject = {}) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, labels: { app: name.replace(/-\d$/, "") } },
  spec: {
    nodeName: node,
    terminationGracePeriodSeconds: 1,
    containers: [{ name: "main", image, args: [args], securityContext: { privileged: spec["hostNetwork"] === true } }],
    ...spec,
  },
});

const of = async (path: string, ...selection: string[]): Promise<string> =>
  await cluster.kubectl("get", ...selection, `--output=jsonpath={${path}}`);

test("both join, each with the address that it is told to have and a range of its own for pods", async () => {
  const names = nodes.map(({ name }) => `node/${name}`);
  const registered = async (): Promise<boolean> => (await of(".items[*].metadata.name", "nodes")) === "node-1 node-2";
  await cluster.until("both have registered", registered);
  await cluster.kubectl("wait", "--for=condition=Ready", ...names, `--timeout=${podSeconds}s`);
  const addresses = await of('.items[*].status.addresses[?(@.type=="InternalIP")].address', "nodes");
  expect(addresses.split(" ")).toEqual(nodes.map(({ address }) => address));
  const ranges = (await of(".items[*].spec.podCIDR", "nodes")).split(" ");
  expect(new Set(ranges).size).toBe(2);
});

test("kube-proxy and a network for pods install themselves on both", async () => {
  const server = `https://${hostOfGuests}:${cluster.controlPlane.port}`;
  await cluster.apply(kubeProxyObjects({ image: `${registry.forGuests}/test/kube-proxy:v1`, server }));
  // What a network plug-in without an overlay does: the other node is the way to its pods.
  for (const [at, { name }] of nodes.entries()) {
    const peer = nodes[1 - at];
    const range = await of(".spec.podCIDR", "node", peer?.name ?? "");
    const route = `ip route replace ${range} via ${peer?.address} && exec sleep 1d`;
    await cluster.apply(podOn(name, `route-${at + 1}`, route, { hostNetwork: true }));
  }
  for (const name of ["route-1", "route-2"]) await cluster.untilPod(name);
  await cluster.kubectl(
    "rollout",
    "status",
    "daemonset/kube-proxy",
    "--namespace=kube-system",
    `--timeout=${podSeconds}s`,
  );
});

test("a pod of one node reaches a pod of the other by its address", async () => {
  const serve = "mkdir /www; hostname > /www/name; exec httpd -f -p 8080 -h /www";
  for (const [at, { name }] of nodes.entries()) await cluster.apply(podOn(name, `server-${at + 1}`, serve));
  for (const name of ["server-1", "server-2"]) await cluster.untilPod(name);
  const address = await of(".status.podIP", "pod", "server-2");
  expect(await fetchFrom("server-1", `${address}:8080`)).toBe("server-2\n");
  const back = await of(".status.podIP", "pod", "server-1");
  expect(await fetchFrom("server-2", `${back}:8080`)).toBe("server-1\n");
});

async function fetchFrom(pod: string, server: string): Promise<string> {
  return await cluster.kubectl("exec", pod, "--", "wget", "-q", "-T", "20", "-O", "-", `http://${server}/name`);
}

test("through a service it reaches pods of both nodes", async () => {
  await cluster.apply({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "names" },
    spec: { selector: { app: "server" }, ports: [{ port: 80, targetPort: 8080 }] },
  });
  const service = await of(".spec.clusterIP", "service", "names");
  const seen = new Set<string>();
  await cluster.until("both answer", async () => {
    try {
      seen.add(await fetchFrom("server-1", `${service}:80`));
    } catch {
      return false; // kube-proxy has not heard of it yet
    }
    return seen.size === 2;
  });
  expect(seen).toEqual(new Set(["server-1\n", "server-2\n"]));
});

test("a node whose clock is half a day behind says that it is the clock, and what it shows", async () => {
  for (const host of hosts) await host[Symbol.asyncDispose](); // three at once are slow
  const clockStartsAt = Math.floor(Date.now() / 1000) - 12 * 3600;
  const host = await cluster.boot("skewed", {}, { clockStartsAt });
  await cluster.untilReason(host, /cluster-certificate is valid from .* on only; this host's clock says /);
});
