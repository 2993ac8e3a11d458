/**
 * Protects: a machine of aarch64 is a host like any other. It boots from an image that was built on x86-64, answers, comes back
 * from an update that is bad, takes one that is good, and is a node of a cluster whose control plane runs on x86-64.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { builtImage } from "../../../cli/image/built-image.ts";
import { startMs, TestCluster } from "./cluster.ts";
import { newer, older, PublishedImages } from "./published-images.ts";
import type { TestHost } from "./test-host.ts";
import { UpdatingHost } from "./updating-host.ts";

/** Nobody answers there. */
const silent = "http://127.0.0.1:9/healthz";
const architecture = "aarch64";
const cpus = 2;

describe("a host", () => {
  let published: PublishedImages;
  let updating: UpdatingHost;

  beforeAll(async () => {
    published = await PublishedImages.open("aarch64", "dev", { architecture });
    updating = await UpdatingHost.boot("aarch64", {
      architecture,
      image: published.images.older.image,
      userData: published.userData("[settings]", 'motd = "kept"'),
      secureBoot: true,
      cpus,
    });
  }, startMs);
  afterAll(async () => {
    await updating?.[Symbol.asyncDispose]();
    published?.[Symbol.dispose]();
  });

  test("it is configured, and says what it is", async () => {
    const { os, state } = await updating.host.status();
    expect({ os, state }).toMatchObject({
      os: { variant_id: "dev", version_id: older },
      state: "running",
    });
    expect((await updating.host.shell.run("uname -m")).trim()).toBe("aarch64");
    expect(await updating.host.shell.run("journalctl -kb | grep -i 'secure boot'")).toContain("enabled");
  });

  test(
    "it comes back from an update that does not prove healthy, with the reason",
    async () => {
      await updating.lockTo(newer, { "http-probes": [silent], "timeout-seconds": 30 });
      await updating.apply(newer);
      const returned = await updating.rebootAndReturn();
      expect(returned).toMatchObject({ version: newer, reason: expect.stringContaining(silent) });
      expect(await updating.version()).toBe(older);
    },
    startMs,
  );

  test(
    "it takes the update once that is well, and keeps its settings",
    async () => {
      await updating.release(newer);
      await updating.lockTo(newer, { "http-probes": [] });
      await updating.apply(newer);
      await updating.host.reboot();
      expect(await updating.proved()).toBe(newer);
      expect(await updating.host.shell.run("cat /etc/motd")).toContain("kept");
    },
    startMs,
  );
});

describe("a node", () => {
  const minor = "1.37";
  const name = "node-of-aarch64";
  let cluster: TestCluster;
  let image: string;
  let node: TestHost;

  beforeAll(async () => {
    cluster = await TestCluster.start("aarch64", { minor });
    const wanted = { variant: `metal-k8s-${minor}`, architecture } as const;
    ({ image } = await builtImage(wanted, new AbortController().signal));
  }, startMs);
  afterAll(async () => await cluster?.[Symbol.asyncDispose]());

  test(
    "it boots, joins a control plane that runs on x86-64, and is ready",
    async () => {
      node = await cluster.boot(name, {}, { architecture, image, cpus });
      await cluster.untilReady(node);
      const joined = JSON.parse(await cluster.kubectl("get", "node", name, "--output=json")) as unknown;
      expect(joined).toMatchObject({ status: { nodeInfo: { architecture: "arm64" } } });
      expect(await node.status()).toMatchObject({ state: "running", selinux: "enforcing" });
    },
    startMs,
  );

  test(
    "a pod runs on it, of the image that comes with the host",
    async () => {
      const containers = [{ name: "main", image: "orlop.local/pause:1" }];
      await cluster.apply({ apiVersion: "v1", kind: "Pod", metadata: { name }, spec: { nodeName: name, containers } });
      await cluster.untilPod(name);
    },
    startMs,
  );
});
