/**
 * Protects: a host obeys an order of its own Node and no other, for this boot, and only when it sees itself that the node
 * is cordoned, claimed and drained; all that with the rights of a node, against a real API server.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdir, utimes } from "node:fs/promises";
import { join } from "node:path";
import { annotations } from "../../../api/fleet/annotations.ts";
import { HostReport } from "../../../api/fleet/host-report.ts";
import type { Order } from "../../../api/fleet/order.ts";
import { clientCertificate } from "../../../host/files/kubernetes/paths.ts";
import { nodeOf } from "../../../host/files/kubernetes/node.ts";
import { clusterConnection } from "../../../host/node/cluster-connection.ts";
import { obeyFleet } from "../../../host/node/fleet-agent.ts";
import { shippedRootPath } from "../../../host/update/fetch/trusted-repository.ts";
import { Updater } from "../../../host/update/updater.ts";
import { noted } from "../../../kubernetes/annotation.ts";
import { KubernetesClient } from "../../../kubernetes/client.ts";
import { kubeconfigConnection } from "../../../kubernetes/kubeconfig.ts";
import { type NodeObject, nodes } from "../../../kubernetes/objects.ts";
import { machineClock } from "../../../lib/clock.ts";
import { type ControlPlane, startControlPlane } from "../../../vm/cluster/control-plane.ts";
import { eventually } from "../../eventually.ts";
import { nodeIdentity } from "../../worlds/cluster/node-identity.ts";
import { factsOf, settingsOf } from "../../worlds/host/settings.ts";
import { testSystem, type TestSystem } from "../../worlds/host/system.ts";
import { writePartitionSets } from "../../worlds/update/partition-sets.ts";
import { testImage } from "../../worlds/update/update-image.ts";
import { testMachines, testRepository } from "../../worlds/update/update-repository.ts";

const compileMs = 45 * 60_000;
const variant = "metal-k8s-1.20";
const name = "node-1";
const { signal } = new AbortController();
let cluster: ControlPlane;
let operator: KubernetesClient;
let stop: () => Promise<void>;
let publish: (version: string) => Promise<void>;
let updater: Updater;
let host: TestSystem;
const history: string[] = [];

beforeAll(async () => {
  cluster = await startControlPlane({
    directory: join(import.meta.dir, "../../../build/test/fleet-agent"),
    kubeletPort: async () => Promise.resolve(undefined),
    signal,
  });
  operator = new KubernetesClient(await kubeconfigConnection(cluster.kubeconfig));
  const made = await machine();
  host = made.host;
  stop = async () => await made.stop();
  ({ publish, updater } = made);
}, compileMs);
afterAll(async () => {
  await stop?.();
  await cluster?.[Symbol.asyncDispose]();
});

/** A host with partition sets, a repository with two newer versions, and kubelet's certificate. */
async function machine() {
  await apply(...["node-1", "node-2"].map((each) => ({ apiVersion: "v1", kind: "Node", metadata: { name: each } })));
  const repository = await testRepository();
  const system = await testSystem({ startsAt: new Date() });
  await writePartitionSets(system, "a", "1.0.0");
  await system.write(shippedRootPath, repository.rootJson);
  await system.write("/usr/lib/os-release", "ID=orlop\n");
  await utimes(join(system.system.root, "usr/lib/os-release"), 0, 0);
  const offer = async (version: string): Promise<void> => {
    await repository.publish(version, { artefacts: testImage(40, Number(version[2])).artefacts });
  };
  for (const version of ["1.1.0", "1.2.0"]) await offer(version);
  const { certificate, key } = await nodeIdentity(cluster, name);
  await system.write(clientCertificate, certificate + key);
  system.programs.set("systemctl", () => "");
  const kubernetes = {
    "api-server": `https://127.0.0.1:${cluster.port}`,
    "cluster-certificate": Buffer.from(cluster.pki.ca).toString("base64"),
    "bootstrap-token": cluster.pki.token,
    "hostname-override": name,
  };
  const updates = {
    "metadata-base-url": repository.mirror.metadata.href,
    "targets-base-url": repository.mirror.targets.href,
    seed: 5,
  };
  const settings = settingsOf({ kubernetes, updates }, variant);
  const facts = factsOf(variant);
  const node = nodeOf(settings, facts);
  if (node?.cluster === undefined) throw new Error("the settings name a cluster");
  const onMachineTime = { ...system.system, clock: machineClock };
  const running = { ...testMachines, version: "1.0.0" };
  const own = await Updater.open({
    system: onMachineTime,
    running,
    settings: () => settings,
    values: () => new Map(),
    ailments: async () => Promise.resolve([]),
  });
  const stopping = new AbortController();
  const obeyed = obeyFleet(
    {
      system: onMachineTime,
      connection: clusterConnection(onMachineTime, { ...node, cluster: node.cluster }, settings),
      nodeName: name,
      boot: "boot-1",
      running,
      seed: 5,
      updater: own,
      note: async ({ do: deed, version, by }, outcome) => {
        history.push(`${by}: ${deed} ${version}: ${outcome}`);
        await Promise.resolve();
      },
    },
    stopping.signal,
  ).catch((error: unknown) => error);
  return {
    host: system,
    updater: own,
    publish: offer,
    async stop() {
      stopping.abort();
      await obeyed;
      await own[Symbol.asyncDispose]();
      await repository[Symbol.asyncDispose]();
      await system[Symbol.asyncDispose]();
    },
  };
}

async function apply(...items: object[]): Promise<void> {
  const list = { apiVersion: "v1", kind: "List", items };
  await cluster.kubectl(["apply", "--filename=-"], { stdin: JSON.stringify(list) });
}

async function own(): Promise<NodeObject> {
  const node = await operator.get(nodes, { name }, signal);
  if (node === undefined) throw new Error("the node is registered");
  return node;
}

async function report(): Promise<HostReport | undefined> {
  return noted(HostReport, (await own()).metadata.annotations[annotations.report]);
}

/** Writes what the operator would, whatever has changed meanwhile. */
async function write(texts: Record<string, string | null>, unschedulable?: boolean): Promise<void> {
  const spec = unschedulable === undefined ? {} : { spec: { unschedulable } };
  const written = await operator.patch(nodes, { name }, { metadata: { annotations: texts }, ...spec }, signal);
  expect(written.kind).toBe("written");
}

function order(id: string, deed: Order["do"], version: string, boot = "boot-1"): string {
  const until = new Date(Date.now() + 3_600_000);
  return JSON.stringify({ id, boot, do: deed, version, until, by: "web", claim: 7 } satisfies Order);
}

const rebooted = (): boolean => host.ran.some((line) => line.includes("reboot"));

test("it tells what it runs, what it could take, and nothing about what it was not ordered", async () => {
  await eventually(async () =>
    expect((await report())?.offers.map(({ version }) => version)).toEqual(["1.2.0", "1.1.0"]),
  );
  expect(await report()).toMatchObject({
    boot: "boot-1",
    version: "1.0.0",
    variant: "dev",
    state: "Idle",
    onTrial: false,
  });
  expect(await report()).not.toHaveProperty("refused");
});

test("a version for which a person has looked on the host is offered to the fleet at once", async () => {
  await publish("1.3.0");
  await updater.start("refresh");
  await eventually(async () => expect((await report())?.offers[0]?.version).toBe("1.3.0"), 30_000);
});

test("it writes the version that is ordered, also when there is a newer one", async () => {
  await write({ [annotations.order]: order("p1", "prepare", "1.1.0") });
  await eventually(async () => expect(await report()).toMatchObject({ state: "Staged", staged: "1.1.0" }), 60_000);
  expect(history).toEqual(["web: prepare 1.1.0: prepares it"]);
});

test("what it cannot take it refuses, with the reason", async () => {
  await write({ [annotations.order]: order("p2", "prepare", "9.9.9") });
  await eventually(async () => {
    expect((await report())?.refused).toEqual({
      order: "p2",
      reason: "its repository does not offer 9.9.9 to this host now",
    });
  });
});

test("an order of another boot is none", async () => {
  await write({ [annotations.order]: order("r0", "reboot-into", "1.1.0", "boot-0"), [annotations.claim]: "7" }, true);
  await eventually(async () => expect(await report()).not.toHaveProperty("refused"));
  expect(rebooted()).toBe(false);
  expect(history).toHaveLength(1);
});

test("it does not reboot while the node is not cordoned, not claimed, or a pod is left; then it does, once", async () => {
  const refused = async (reason: string) =>
    await eventually(async () => expect((await report())?.refused?.reason).toContain(reason), 30_000);
  const containers = [{ name: "main", image: "example.com/none:1" }];
  const spec = { nodeName: name, containers, terminationGracePeriodSeconds: 0 };
  await apply({ apiVersion: "v1", kind: "Pod", metadata: { name: "web-0", namespace: "default" }, spec });
  await write({ [annotations.order]: order("r1", "reboot-into", "1.1.0"), [annotations.claim]: null }, false);
  await refused("the node is not cordoned");
  await write({}, true);
  await refused("the node is not claimed for this order");
  await write({ [annotations.claim]: "7" });
  await refused("1 pods are left, such as default/web-0");
  expect(rebooted()).toBe(false);
  await cluster.kubectl(["delete", "pod", "web-0", "--force", "--grace-period=0"]);
  await eventually(() => expect(rebooted()).toBe(true), 30_000);
  expect((await report())?.accepted).toBe("r1");
  // The set that was written is on trial at the next boot, with one try.
  const entries = await readdir(join(host.system.root, "efi/loader/entries"));
  expect(entries.some((entry) => entry.startsWith("orlop-b+1"))).toBe(true);
  expect(history).toEqual(["web: prepare 1.1.0: prepares it", "web: reboot-into 1.1.0: reboots"]);
  await Bun.sleep(6_000);
  expect(host.ran.filter((line) => line.includes("reboot"))).toHaveLength(1);
});

test("a node may not touch another", async () => {
  const { certificate, key } = await nodeIdentity(cluster, "node-2");
  const response = await fetch(`https://127.0.0.1:${cluster.port}/api/v1/nodes/${name}`, {
    method: "PATCH",
    headers: { "content-type": "application/merge-patch+json" },
    body: JSON.stringify({ metadata: { annotations: { [annotations.order]: order("x", "reboot-into", "1.1.0") } } }),
    tls: { ca: cluster.pki.ca, cert: certificate, key },
  });
  expect(response.status).toBe(403);
});
