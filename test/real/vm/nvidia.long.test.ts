/**
 * Protects: a node for machines with GPUs boots on one without, is healthy and says what it waits for; NVIDIA's runtime
 * starts its pods, and says of one that is to have a GPU why it has none.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { JsonObject } from "../../../lib/text/json.ts";
import { busyboxImage } from "../../worlds/containers/oci-image.ts";
import { startTestRegistry, type TestRegistry } from "../../worlds/containers/registry.ts";
import { startMs, TestCluster } from "./cluster.ts";
import { imageOf } from "./image.ts";
import type { TestHost } from "./test-host.ts";

const name = "gpu";

let cluster: TestCluster;
let registry: TestRegistry;
let host: TestHost;
let image: string;

beforeAll(async () => {
  cluster = await TestCluster.start("nvidia", { minor: "1.35" });
  registry = await startTestRegistry({ tls: true, auth: true });
  await using busybox = await busyboxImage({ entrypoint: ["/bin/sh", "-c"] });
  await registry.push(busybox.layout, "test/busybox:v1");
  image = `${registry.forGuests}/test/busybox:v1`;
  const settings = {
    pki: registry.pki,
    "container-registry": { credentials: [registry.credential(registry.forGuests)] },
  };
  host = await cluster.boot(name, settings, { image: await imageOf("metal-k8s-1.35-nvidia") });
}, startMs);
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
  await registry?.[Symbol.asyncDispose]();
});

const pod = (podName: string, spec: JsonObject = {}, container: JsonObject = {}) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: podName },
  spec: {
    terminationGracePeriodSeconds: 1,
    containers: [{ name: "main", image, args: ["echo hello; exec sleep 1d"], ...container }],
    ...spec,
  },
});

test("it is healthy without a driver, and says that it waits for one", async () => {
  await cluster.untilReady(host);
  const { state, nvidia } = await host.status();
  expect(nvidia).toEqual({ ready: false, reasons: ["waits for a driver: the kernel module nvidia is not loaded"] });
  expect(state).toBe("running");
});

test("a pod that wants no GPU runs, also by a RuntimeClass of NVIDIA's runtime", async () => {
  await cluster.apply({
    apiVersion: "node.k8s.io/v1",
    kind: "RuntimeClass",
    metadata: { name: "nvidia" },
    handler: "nvidia",
  });
  await cluster.apply(pod("plain"));
  await cluster.apply(pod("by-class", { runtimeClassName: "nvidia" }));
  await cluster.untilPod("plain");
  await cluster.untilPod("by-class");
  expect(await cluster.kubectl("logs", "plain")).toBe("hello\n");
});

test("NVIDIA's runtime is the default one: a pod with rights to a GPU is told why there is none", async () => {
  const env = [{ name: "NVIDIA_VISIBLE_DEVICES", value: "all" }];
  await cluster.apply(pod("wants", {}, { env, securityContext: { privileged: true } }));
  await cluster.until("an event that tells why", async () =>
    /failed to initialize NVML: ERROR_LIBRARY_NOT_FOUND/.test(
      await cluster.kubectl("get", "events", "--output=jsonpath={.items[*].message}"),
    ),
  );
});
