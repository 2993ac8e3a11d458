/**
 * Protects: a node may be older than its control plane, as Kubernetes' policy of version skew allows: it joins, is ready,
 * and the cluster runs pods on it and reaches into them. The minors here have no control plane of their own in the tests.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { recipeNamed } from "../../../image/recipes/all.ts";
import { busyboxImage } from "../../worlds/containers/oci-image.ts";
import { startTestRegistry, type TestRegistry } from "../../worlds/containers/registry.ts";
import { startMs, TestCluster } from "./cluster.ts";
import { imageOf } from "./image.ts";
import type { TestHost } from "./test-host.ts";

const name = "older";

describe.each([{ minor: "1.34", controlPlane: "1.35" }] as const)(
  "a node of $minor in a cluster of $controlPlane",
  ({ minor, controlPlane }) => {
    let cluster: TestCluster;
    let registry: TestRegistry;
    let host: TestHost;

    beforeAll(async () => {
      cluster = await TestCluster.start("skew", { minor: controlPlane });
      registry = await startTestRegistry({ tls: true, auth: true });
      await using busybox = await busyboxImage({ entrypoint: ["/bin/sh", "-c"] });
      await registry.push(busybox.layout, "test/busybox:v1");
      const credentials = [registry.credential(registry.forGuests)];
      const image = await imageOf(`metal-k8s-${minor}`);
      host = await cluster.boot(name, { pki: registry.pki, "container-registry": { credentials } }, { image });
    }, startMs);
    afterAll(async () => {
      await cluster?.[Symbol.asyncDispose]();
      await registry?.[Symbol.asyncDispose]();
    });

    test("joins by its token, and is ready", async () => {
      await cluster.untilReady(host);
      const node = JSON.parse(await cluster.kubectl("get", "node", name, "--output=json")) as unknown;
      expect(node).toMatchObject({
        status: { nodeInfo: { kubeletVersion: `v${recipeNamed(`kubernetes-${minor}`).version}` } },
      });
      const server = JSON.parse(await cluster.kubectl("version", "--output=json")) as unknown;
      expect(server).toMatchObject({
        serverVersion: { gitVersion: `v${recipeNamed(`kubernetes-${controlPlane}`).version}` },
      });
    });

    test("runs a pod, of which the cluster has the log, and in which it runs a command", async () => {
      await cluster.apply({
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name: "worker" },
        spec: {
          terminationGracePeriodSeconds: 1,
          containers: [
            { name: "main", image: `${registry.forGuests}/test/busybox:v1`, args: ["echo hello; exec sleep 1d"] },
          ],
        },
      });
      await cluster.untilPod("worker");
      expect(await cluster.kubectl("logs", "worker")).toBe("hello\n");
      expect(await cluster.kubectl("exec", "worker", "--", "cat", "/proc/1/comm")).toBe("sleep\n");
    });

    test("and the policy, which is enforced, has denied nothing of it", async () => {
      expect((await host.status()).selinux).toBe("enforcing");
      expect(await host.denials()).toEqual([]);
    });
  },
);
