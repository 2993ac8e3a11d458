/**
 * Protects: a node for machines with GPUs boots on one without: it is configured and healthy, says what it waits for, and
 * runs pods that want no GPU by NVIDIA's runtime.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { JsonObject } from "../../../lib/text/json.ts";
import { busyboxImage } from "../../worlds/containers/oci-image.ts";
import { startTestRegistry, type TestRegistry } from "../../worlds/containers/registry.ts";
import { imageOf } from "./image.ts";
import { TestHost } from "./test-host.ts";

/** An image is built, a registry is started, and an emulated machine boots. */
const startMs = 1_500_000;
const podMs = 600_000;

let registry: TestRegistry;
let host: TestHost;

beforeAll(async () => {
  registry = await startTestRegistry({ tls: false, auth: false });
  await using busybox = await busyboxImage({ entrypoint: ["/bin/sh", "-c"] });
  await registry.push(busybox.layout, "test/busybox:v1");
  host = await TestHost.boot("nvidia", { image: await imageOf("metal-k8s-1.35-nvidia") });
}, startMs);
afterAll(async () => {
  await host?.[Symbol.asyncDispose]();
  await registry?.[Symbol.asyncDispose]();
});

const manifest = (pod: JsonObject): string => Buffer.from(JSON.stringify(pod)).toString("base64");

test("it is healthy without a driver, and says that it waits for one", async () => {
  const { state, nvidia } = await host.status();
  expect(state).toBe("running");
  expect(nvidia).toEqual({ ready: false, reasons: ["waits for a driver: the kernel module nvidia is not loaded"] });
  expect(await host.shell.run("systemctl --failed --no-legend --plain")).toBe("");
});

test("the toolkit is there, with its configuration and the place of the driver", async () => {
  expect(await host.shell.run("nvidia-ctk --version")).toContain("1.20.2");
  expect(await host.shell.run("nvidia-container-runtime --version")).toContain("1.20.2");
  expect(await host.shell.run("cat /etc/nvidia-container-runtime/config.toml")).toContain(
    'root = "/run/nvidia/driver"',
  );
  await host.shell.run("test -d /run/nvidia/driver");
  expect((await host.shell.run("cat /sys/kernel/security/lockdown")).trim()).toBe("[none] integrity confidentiality");
});

test(
  "a pod that wants no GPU runs, by NVIDIA's runtime",
  async () => {
    const pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "plain" },
      spec: {
        hostNetwork: true,
        containers: [
          {
            name: "main",
            image: `${registry.forGuests}/test/busybox:v1`,
            args: ["echo hello > /out/plain; exec sleep 1d"],
            volumeMounts: [{ name: "out", mountPath: "/out" }],
          },
        ],
        volumes: [{ name: "out", hostPath: { path: "/local/plain", type: "DirectoryOrCreate" } }],
      },
    };
    await host.commit({
      "container-registry": {
        mirrors: [{ registry: registry.forGuests, endpoint: [`http://${registry.forGuests}`] }],
      },
      kubernetes: { "standalone-mode": true, "static-pods": { plain: { enabled: true, manifest: manifest(pod) } } },
    });
    await host.eventually("cat /local/plain/plain", (output) => output.trim() === "hello", podMs);
    const options = await host.shell.run("cat /run/containerd/io.containerd.runtime.v2.task/k8s.io/*/options.json");
    expect(options).toContain("/usr/bin/nvidia-container-runtime");
  },
  startMs,
);
