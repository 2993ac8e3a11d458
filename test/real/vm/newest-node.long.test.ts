/**
 * Protects: the newest minor of Kubernetes that images are built for works with what else is in them: a node joins a
 * control plane of its own minor, and pods run on it, those of the cluster and its own. What a pod may use stays in it: it
 * reaches nothing of its neighbours, and a raw volume is no way into the host.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { isFailure } from "../../../lib/failure.ts";
import type { JsonObject } from "../../../lib/text/json.ts";
import { recipeNamed } from "../../../image/recipes/all.ts";
import { busyboxImage } from "../../worlds/containers/oci-image.ts";
import { startTestRegistry, type TestRegistry } from "../../worlds/containers/registry.ts";
import { impostorDisk } from "../../worlds/host/impostor-disk.ts";
import { startMs, TestCluster } from "./cluster.ts";
import { benchNode, kubeBenchImage } from "./kube-bench.ts";
import { attempts, startKeeper, succeeding } from "./neighbours.ts";
import type { TestHost } from "./test-host.ts";

const name = "newest";

let cluster: TestCluster;
let registry: TestRegistry;
let host: TestHost;
let image: string;

beforeAll(async () => {
  cluster = await TestCluster.start("newest", { minor: "1.37" });
  registry = await startTestRegistry({ tls: true, auth: true });
  const disk = await impostorDisk('[settings]\nmotd = "of a volume"\n');
  await using busybox = await busyboxImage({ entrypoint: ["/bin/sh", "-c"], files: { "/disk.gz": disk } });
  await registry.push(busybox.layout, "test/busybox:v1");
  image = `${registry.forGuests}/test/busybox:v1`;
  await using bench = await kubeBenchImage();
  await registry.push(bench.layout, "test/kube-bench:v1");
  host = await cluster.boot(
    name,
    {
      pki: registry.pki,
      "container-registry": { credentials: [registry.credential(registry.forGuests)] },
      motd: "ours",
    },
    // A pod has it as a volume.
    { ephemeralDisksBytes: [1024 ** 3], denied: "expected" },
  );
}, startMs);
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
  await registry?.[Symbol.asyncDispose]();
});

const pod = (podName: string, command: string, spec: JsonObject = {}) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: podName },
  spec: { terminationGracePeriodSeconds: 1, containers: [{ name: "main", image, args: [command] }], ...spec },
});

test("it joins by its token, and is ready", async () => {
  await cluster.untilReady(host);
  const node = JSON.parse(await cluster.kubectl("get", "node", name, "--output=json")) as unknown;
  expect(node).toMatchObject({
    status: { nodeInfo: { kubeletVersion: `v${recipeNamed("kubernetes-1.37").version}` } },
  });
});

test("it is as the CIS benchmarks want a node and its host, as far as settings have not decided otherwise", async () => {
  const failures = async (type: "bottlerocket" | "kubernetes"): Promise<string[]> => {
    const { results } = await (await host.api()).call("getCisReport", { query: { type, level: 2 } });
    const failed = Object.values(results).filter(({ status }) => status === "FAIL");
    return failed.map(({ id, error }) => `${id}: ${error}`);
  };
  // settings.kubernetes.pod-pids-limit.
  expect(await failures("kubernetes")).toEqual(["4.2.13: a pod may start as many processes as the host has room for"]);
  expect((await failures("bottlerocket")).filter((failure) => failure.startsWith("1.5.1"))).toEqual([]);
});

test("a pod runs, with the runtime's seccomp profile, and is reached through the cluster", async () => {
  await cluster.apply(pod("worker", "echo hello; exec sleep 1d"));
  await cluster.untilPod("worker");
  expect(await cluster.kubectl("logs", "worker")).toBe("hello\n");
  const status = await cluster.kubectl("exec", "worker", "--", "grep", "Seccomp:", "/proc/self/status");
  expect(status).toMatch(/^Seccomp:\s+2$/m);
});

test("a static pod runs, and has its mirror", async () => {
  const manifest = Buffer.from(JSON.stringify(pod("watch", "exec sleep 1d"))).toString("base64");
  await host.commit({ kubernetes: { "static-pods": { watch: { enabled: true, manifest } } } });
  const mirror = `watch-${name}`;
  await cluster.until(`a pod ${mirror}`, async () => cluster.hasPod(mirror));
  await cluster.untilPod(mirror);
});

test("a pod has users of its own once the host allows it, and none before", async () => {
  await cluster.apply(pod("mapped", "cat /proc/self/uid_map; exec sleep 1d", { hostUsers: false }));
  await cluster.until("a pod without a sandbox", async () => {
    return /FailedCreatePodSandBox/.test(
      await cluster.kubectl("get", "events", "--output=jsonpath={.items[*].reason}"),
    );
  });
  await host.commit({ kernel: { sysctl: { "user.max_user_namespaces": "1000" } } });
  await cluster.untilPod("mapped");
  // Its root is nobody outside: user 0 inside begins at a number of its own.
  expect(await cluster.kubectl("logs", "mapped")).toMatch(/^\s*0\s+[1-9]\d{4,}\s+65536$/m);
});

test("the policy is enforced, and has denied nothing of all that", async () => {
  expect((await host.status()).selinux).toBe("enforcing");
  expect(await host.denials()).toEqual([]);
});

test("a pod reaches nothing of its neighbour, but for who is given the same categories", async () => {
  const keeper = await startKeeper(cluster, image);
  const level = /^system_u:system_r:container_t:(s0:c\d+,c\d+)$/.exec(keeper.label)?.[1] ?? "";
  expect(level).not.toBe("");
  expect(await succeeding(cluster, { name: "twin", image, keeper, level })).toEqual(Object.keys(attempts));
  expect(await succeeding(cluster, { name: "neighbour", image, keeper })).toEqual([]);
});

/** A volume is a whole disk of the node. */
const rawVolume = [
  {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name: "raw" },
    spec: {
      capacity: { storage: "1Gi" },
      accessModes: ["ReadWriteOnce"],
      volumeMode: "Block",
      storageClassName: "",
      local: { path: "/dev/vdb" },
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [
            { matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: [name] }] },
          ],
        },
      },
    },
  },
  {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name: "raw" },
    spec: {
      accessModes: ["ReadWriteOnce"],
      volumeMode: "Block",
      storageClassName: "",
      volumeName: "raw",
      resources: { requests: { storage: "1Gi" } },
    },
  },
];

test("a pod without privileges writes the host's names on its raw volume, and the host boots with its own settings", async () => {
  for (const object of rawVolume) await cluster.apply(object);
  const names = "dd if=/dev/raw bs=512 skip=2 count=8 2>/dev/null | tr -d '\\0'";
  const args = [`${names}; gunzip -c /disk.gz > /dev/raw && sync && echo && echo written; exec sleep 1d`];
  const volumeDevices = [{ name: "raw", devicePath: "/dev/raw" }];
  const volumes = [{ name: "raw", persistentVolumeClaim: { claimName: "raw" } }];
  await cluster.apply(pod("writer", "", { containers: [{ name: "main", image, args, volumeDevices }], volumes }));
  const logs = async (): Promise<string> => {
    try {
      return await cluster.kubectl("logs", "writer");
    } catch (error) {
      if (!isFailure(error, "exit-status")) throw error; // its container is being made
      return "";
    }
  };
  await cluster.untilPod("writer");
  await cluster.until("the volume is written", async () => (await logs()).includes("written"));
  const { version } = (await host.status()).settings;
  const denied = await host.denials();
  await host.reboot();
  await cluster.untilReady(host);
  // What it wrote was there while the host booted.
  await cluster.until("the pod runs again", async () => (await logs()).includes("ORLOP-PRIVATE"));
  const { settings } = await host.status();
  expect(settings.version).toBe(version);
  // Nothing new: neither the volume nor a boot with its pods needs more than the policy allows.
  expect(await host.denials()).toEqual(denied);
  expect(await (await host.api()).call("getSettings", { query: { keys: ["settings.motd"] } })).toEqual({
    motd: "ours",
  });
});

// The last one, for it searches /proc, and is denied thousands of times what is not its own.
test("kube-bench finds what the host's own report finds, and asks for what docs/reports.md gives a reason for", async () => {
  const found = await benchNode(cluster, `${registry.forGuests}/test/kube-bench:v1`);
  expect(found.length).toBeGreaterThan(20);
  const { results } = await (await host.api()).call("getCisReport", { query: { type: "kubernetes", level: 2 } });
  const reported = new Map(Object.values(results).map(({ id, status }) => [id, status]));
  // What both can tell, they tell alike.
  const differing = found.filter(({ id, status }) => {
    const ours = reported.get(id);
    return (ours === "PASS" || ours === "FAIL") && (ours === "PASS") !== (status === "PASS");
  });
  expect(differing.map(({ id }) => id)).toEqual(["4.2.9"]);
  const open = found.filter(({ status }) => status !== "PASS");
  expect(open.map(({ id, status }) => `${id} ${status}`)).toEqual([
    "4.2.7 WARN",
    "4.2.9 WARN",
    "4.2.13 WARN",
    "4.2.15 WARN",
    "4.3.1 FAIL",
  ]);
});
