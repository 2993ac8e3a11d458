/**
 * Protects: a host becomes a node of a real cluster by what its settings say, tells why when it does not, pods run on it
 * as on any other node, and it takes updates.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { Refused } from "../../../api/client/refused.ts";
import { isFailure } from "../../../lib/failure.ts";
import type { JsonObject } from "../../../lib/text/json.ts";
import { makeAuthority } from "../../../vm/authority.ts";
import { hostOfGuests } from "../../../vm/qemu/qemu.ts";
import { compileModule } from "../../worlds/containers/kernel-module.ts";
import { busyboxImage } from "../../worlds/containers/oci-image.ts";
import { startTestRegistry, type TestRegistry } from "../../worlds/containers/registry.ts";
import { startMs, TestCluster } from "./cluster.ts";
import { newer, PublishedImages } from "./published-images.ts";
import type { TestHost } from "./test-host.ts";
import { UpdatingHost } from "./updating-host.ts";

const apiServerMs = 600_000;
const firstCertificateLasts = "6m";
/** After nine tenths of that at most. */
const rotationMs = 6 * 60_000;
/** Those after it: a node that is off while its certificate ends has to join anew. */
const furtherCertificatesLast = "24h";

const name = "node-1";
const taint = { key: "example.com/dedicated", value: "tests", effect: "NoSchedule" };

let cluster: TestCluster;
let registry: TestRegistry;
let published: PublishedImages;
let host: TestHost;
let image: string;

beforeAll(async () => {
  cluster = await TestCluster.start("node", { certificatesLast: firstCertificateLasts });
  registry = await startTestRegistry({ tls: true, auth: true });
  await using busybox = await busyboxImage({ entrypoint: ["/bin/sh", "-c"] });
  await registry.push(busybox.layout, "test/busybox:v1");
  image = `${registry.forGuests}/test/busybox:v1`;
  published = await PublishedImages.open("node", "metal-k8s-1.20");
  const settings = {
    pki: registry.pki,
    kernel: { lockdown: "none" },
    updates: published.settings,
    "container-registry": { credentials: [registry.credential(registry.forGuests)] },
    kubernetes: {
      "cluster-certificate": encoded((await expiredAuthority()).certificate),
      "bootstrap-token": "abcdef.0123456789abcdef",
      "node-labels": { "example.com/pool": "batch", plain: "" },
      "node-taints": { [taint.key]: `${taint.value}:${taint.effect}` },
    },
  };
  host = await cluster.boot(name, settings, { image: published.images.older.image });
}, startMs);
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
  await registry?.[Symbol.asyncDispose]();
  published?.[Symbol.dispose]();
});

const lockedDown = "settings.kernel.lockdown is none, but the kernel keeps integrity";

const encoded = (pem: string): string => Buffer.from(pem).toString("base64");

async function expiredAuthority() {
  const notAfter = new Date(Date.now() - 3600 * 1000);
  return await makeAuthority("kubernetes", { notBefore: new Date(notAfter.getTime() - 86_400_000), notAfter });
}

/** A pod that may run on this node. */
function pod(podName: string, container: JsonObject, spec: JsonObject = {}) {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: podName, labels: { app: podName } },
    spec: {
      tolerations: [{ operator: "Exists" }],
      terminationGracePeriodSeconds: 1,
      containers: [{ name: "main", image, ...container }],
      ...spec,
    },
  };
}

const fromPod = async (podName: string, ...command: string[]): Promise<string> =>
  await cluster.kubectl("exec", podName, "--", ...command);

test("a node that trusts an authority that has expired says so, with the time that it takes it to be", async () => {
  await cluster.untilReason(
    host,
    /settings\.kubernetes\.cluster-certificate has expired at .*; this host's clock says /,
  );
});

test("a node whose token is wrong says so, and never joins", async () => {
  await host.commit({ kubernetes: { "cluster-certificate": encoded(cluster.controlPlane.pki.ca) } });
  await cluster.untilReason(host, /does not accept settings\.kubernetes\.bootstrap-token/);
  const { state, node } = await host.status();
  expect({ state, node }).toMatchObject({ state: "degraded", node: { name, ready: false } });
  expect(await cluster.kubectl("get", "nodes", "--output=name")).toBe("");
});

test("with the right token it joins and is ready", async () => {
  await host.commit({ kubernetes: { "bootstrap-token": cluster.controlPlane.pki.token } });
  await cluster.untilReady(host);
  await cluster.controlPlane.letCertificatesLast(furtherCertificatesLast);
  await cluster.kubectl("wait", "--for=condition=Ready", `node/${name}`, "--timeout=10s");
  expect((await host.status()).state).toBe("running");
});

test("its first boot is locked down, though user data wants none of that", async () => {
  expect((await host.status()).rebootNeeded).toContain(lockedDown);
});

test("the cluster sees what the node is, with its labels and taints", async () => {
  const node = JSON.parse(await cluster.kubectl("get", "node", name, "--output=json")) as unknown;
  expect(node).toMatchObject({
    metadata: { labels: { "example.com/pool": "batch", plain: "" } },
    spec: { taints: [taint], podCIDR: expect.stringMatching(/^10\.244\.\d+\.0\/24$/) },
    status: {
      nodeInfo: {
        osImage: expect.stringContaining("Orlop"),
        kubeletVersion: "v1.20.2",
        containerRuntimeVersion: expect.stringContaining("containerd://"),
      },
    },
  });
});

test("it is as the CIS benchmark for Kubernetes wants a node, as far as settings have not decided otherwise", async () => {
  const { results } = await (await host.api()).call("getCisReport", { query: { type: "kubernetes", level: 2 } });
  const { FAIL: failed = [], SKIP: skipped = [] } = Object.groupBy(Object.values(results), ({ status }) => status);
  expect(skipped.filter(({ mode }) => mode === "Automatic")).toEqual([]);
  // settings.kubernetes.pod-pids-limit; and this kubelet has no seccomp profile for pods that ask for none.
  expect(failed.map(({ id, error }) => `${id}: ${error}`)).toEqual([
    "4.2.13: a pod may start as many processes as the host has room for",
    "4.2.14: pods that ask for no seccomp profile get none",
  ]);
});

test("a pod starts from the image that the host brings along, and one from a registry with a password", async () => {
  const pause = { image: "orlop.local/pause:1", imagePullPolicy: "Never" };
  await cluster.apply(pod("bare", pause));
  await cluster.apply(pod("worker", { args: ["echo hello from the pod; mkdir /www; exec httpd -f -p 8080 -h /www"] }));
  await cluster.untilPod("bare");
  await cluster.untilPod("worker");
});

test("logs, exec and port-forward reach it through the cluster", async () => {
  expect(await cluster.kubectl("logs", "worker")).toBe("hello from the pod\n");
  expect(await fromPod("worker", "hostname")).toBe("worker\n");
  await fromPod("worker", "sh", "-c", "echo served > /www/page");
  const { programs, kubeconfig } = cluster.controlPlane;
  const forward = Bun.spawn([programs.kubectl, `--kubeconfig=${kubeconfig}`, "port-forward", "pod/worker", ":8080"], {
    stdout: "pipe",
    stderr: "inherit",
  });
  try {
    const reader = forward.stdout.getReader();
    const { value } = await reader.read();
    const port = /127\.0\.0\.1:(\d+)/.exec(new TextDecoder().decode(value))?.[1];
    expect(await (await fetch(`http://127.0.0.1:${port}/page`)).text()).toBe("served\n");
  } finally {
    forward.kill();
    await forward.exited;
  }
});

test("a pod has an address of the node's range, and reaches the world behind the node", async () => {
  const address = await cluster.kubectl("get", "pod", "worker", "--output=jsonpath={.status.podIP}");
  expect(address).toMatch(/^10\.244\.\d+\.\d+$/);
  // 401: the registry wants a password, and is there.
  const answer = await fromPod("worker", "sh", "-c", `echo | nc -w 5 ${hostOfGuests} ${registry.port} && echo reached`);
  expect(answer).toContain("reached");
});

const staticPod = (command: string): string =>
  Buffer.from(
    JSON.stringify({ ...pod("watch", { args: [command] }, { hostNetwork: true }), metadata: { name: "watch" } }),
  ).toString("base64");

test("a static pod runs with its mirror, and runs again when it is killed", async () => {
  await host.commit({
    kubernetes: { "static-pods": { watch: { enabled: true, manifest: staticPod("trap exit TERM; sleep 1d & wait") } } },
  });
  const mirror = `watch-${name}`;
  await cluster.until(`a pod ${mirror}`, async () => cluster.hasPod(mirror));
  await cluster.untilPod(mirror);
  try {
    await cluster.controlPlane.kubectl(["exec", mirror, "--", "kill", "1"]);
  } catch (error) {
    if (!isFailure(error, "exit-status")) throw error; // the container may end before what ended it does
  }
  const path = "--output=jsonpath={.status.containerStatuses[0].restartCount}";
  await cluster.until("it was started again", async () => (await cluster.kubectl("get", "pod", mirror, path)) === "1");
  await cluster.untilPod(mirror);
});

test("a static pod that is broken is refused with its place, and one that is disabled goes", async () => {
  const manifest = Buffer.from("apiVersion: v1\nkind: Pod\nmetadata: {}\n").toString("base64");
  try {
    await host.commit({ kubernetes: { "static-pods": { broken: { enabled: true, manifest } } } });
    throw new Error("expected it to be refused");
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    const key = "settings.kubernetes.static-pods.broken.manifest";
    const refused = `${key} must be a pod that kubelet 1.20 can use`;
    expect(error.problems).toEqual([
      { key, message: `${refused}: line 1, column 1: spec must be set` },
      { key, message: `${refused}: line 3, column 11: metadata.name must be set` },
    ]);
  }
  await host.commit({ kubernetes: { "static-pods": { watch: { enabled: false } } } });
  await cluster.until(`no pod watch-${name}`, async () => !(await cluster.hasPod(`watch-${name}`)));
});

test("its certificate is renewed before it ends", async () => {
  const path = "--output=jsonpath={range .items[*]}{.spec.username} {.status.conditions[*].type}{'\\n'}{end}";
  const deadlineMs = performance.now() + rotationMs;
  for (;;) {
    const requests = (await cluster.kubectl("get", "csr", path)).split("\n");
    // The first certificate is asked for by the token, further ones by the node.
    if (requests.some((line) => line.startsWith(`system:node:${name} `) && line.includes("Approved"))) break;
    if (performance.now() > deadlineMs) throw new Error(`nothing was renewed: ${requests.join("; ")}`);
    await Bun.sleep(1_000);
  }
  await cluster.untilReady(host);
});

test("it takes an update while its pods run, is drained, reboots into it and is ready again with pods", async () => {
  const metadata = { name: "service", labels: { app: "service" } };
  // A node that is cordoned is not for it.
  const tolerations = [{ key: taint.key, operator: "Exists" }];
  const { spec } = pod("service", { args: ["exec sleep 1d"] }, { tolerations });
  await cluster.apply({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata,
    spec: { selector: { matchLabels: metadata.labels }, template: { metadata, spec } },
  });
  await cluster.kubectl("rollout", "status", "deployment/service", "--timeout=600s");

  const updating = new UpdatingHost(host);
  await updating.apply(newer);
  await cluster.kubectl("drain", name, "--force", "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=300s");
  const running = ["get", "pods", "--field-selector=status.phase=Running", "--output=name"];
  expect(await cluster.kubectl(...running)).toBe("");
  await host.reboot();
  await cluster.untilReady(host);
  expect(await updating.proved()).toBe(newer);

  await cluster.kubectl("uncordon", name);
  await cluster.kubectl("rollout", "status", "deployment/service", "--timeout=600s");
  expect(await cluster.kubectl(...running)).toMatch(/^pod\/service-/);
});

test("a privileged DaemonSet loads a module built against this kernel's headers, lockdown being none", async () => {
  // User data asked for it, and a second boot came with the update.
  expect((await host.status()).rebootNeeded).not.toContain(lockedDown);
  const module = await compileModule("counter", "generic");
  await cluster.apply({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "driver" },
    binaryData: { "counter.ko": Buffer.from(module).toString("base64") },
  });
  const labels = { app: "driver" };
  const load = "insmod /module/counter.ko && exec sleep 1d";
  const { spec } = pod("driver", { args: [load], securityContext: { privileged: true } });
  const [container] = spec.containers;
  const volumeMounts = [{ name: "module", mountPath: "/module" }];
  const volumes = [{ name: "module", configMap: { name: "driver" } }];
  const podSpec = { ...spec, containers: [{ ...container, volumeMounts }], volumes };
  await cluster.apply({
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: { name: "driver" },
    spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: podSpec } },
  });
  await cluster.kubectl("rollout", "status", "daemonset/driver", "--timeout=600s");
  const driver = (await cluster.kubectl("get", "pods", "--selector=app=driver", "--output=name")).trim();
  expect(await fromPod(driver, "cat", "/proc/counter", "/proc/counter")).toBe("read 1 times\nread 2 times\n");
  // Bit 13 of `tainted`: a module without a signature.
  expect(Number(await fromPod(driver, "cat", "/proc/sys/kernel/tainted")) & 0x2000).toBe(0x2000);
  await cluster.kubectl("delete", "daemonset/driver", "configmap/driver");
  await cluster.kubectl("wait", "--for=delete", driver, "--timeout=300s");
});

test("it boots while the cluster is away, says so, and is ready once it is back", async () => {
  await cluster.controlPlane.stopApiServer();
  await host.reboot();
  await cluster.untilReason(host, /the cluster does not tell about the node/);
  await cluster.controlPlane.startApiServer(AbortSignal.timeout(apiServerMs));
  await cluster.untilReady(host);
  await cluster.kubectl("rollout", "status", "deployment/service", "--timeout=600s");
});
