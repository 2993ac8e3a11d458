/**
 * A cluster for tests: a control plane on this computer, and hosts that join it.
 *
 * ```ts
 * await using cluster = await TestCluster.start("node");
 * await using host = await cluster.boot("node-1", { "node-labels": { pool: "tests" } });
 * await cluster.untilReady(host);
 * ```
 */
import { join } from "node:path";
import type { JsonObject } from "../../../lib/text/json.ts";
import {
  type ControlPlane,
  type ControlPlaneOptions,
  joiningSettings,
  nodeDiskBytes,
  startControlPlane,
} from "../../../vm/cluster/control-plane.ts";
import { imageOf } from "./image.ts";
import { directory, TestHost, type TestHostOptions } from "./test-host.ts";

/** A certificate is asked for, signed and used, an image is unpacked, and kubelet looks again every ten seconds. */
const readyMs = 600_000;
/** What follows from something else, in a guest that emulation makes slow. */
const eventMs = 600_000;
const pollMs = 500;
/** For a test's start: the programs of a control plane may have to be compiled. */
export const startMs = 45 * 60_000;

export class TestCluster implements AsyncDisposable {
  readonly controlPlane: ControlPlane;
  readonly #hosts: Map<string, TestHost>;

  private constructor(controlPlane: ControlPlane, hosts: Map<string, TestHost>) {
    this.controlPlane = controlPlane;
    this.#hosts = hosts;
  }

  static async start(
    name: string,
    options: Pick<ControlPlaneOptions, "certificatesLast" | "minor"> = {},
  ): Promise<TestCluster> {
    const hosts = new Map<string, TestHost>();
    const controlPlane = await startControlPlane({
      directory: join(directory, `${name}-cluster`),
      kubeletPort: async (node) => Promise.resolve(hosts.get(node)?.running.record.kubeletPort),
      signal: new AbortController().signal,
      ...options,
    });
    return new TestCluster(controlPlane, hosts);
  }

  /** What a host of that name is told to join, with what a test says beside or instead. */
  settings(name: string, kubernetes: JsonObject = {}): JsonObject {
    const { port, pki } = this.controlPlane;
    return { ...joiningSettings({ port, ca: pki.ca, token: pki.token }, name), ...kubernetes };
  }

  /** Boots a host that is told to join; it may not be a node yet when this returns. */
  async boot(
    name: string,
    settings: JsonObject & { kubernetes?: JsonObject } = {},
    { image, ...options }: TestHostOptions = {},
  ): Promise<TestHost> {
    const host = await TestHost.make(name, {
      image: image ?? (await imageOf(`metal-k8s-${this.controlPlane.minor}`)),
      userData: JSON.stringify({ settings: { ...settings, kubernetes: this.settings(name, settings.kubernetes) } }),
      userDataBy: "private-partition",
      shell: false,
      kubelet: true,
      diskBytes: nodeDiskBytes,
      ...options,
    });
    this.#hosts.set(name, host);
    try {
      await host.switchOn("without shell");
      await host.untilConfigured();
      return host;
    } catch (error) {
      await host[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Waits until the cluster takes the host for ready, by its status. */
  async untilReady(host: TestHost): Promise<void> {
    await host.running.untilStatus(({ node }) => node?.ready === true, readyMs);
  }

  /** Waits until the host's status gives such a reason for a node that is not ready. */
  async untilReason(host: TestHost, reason: RegExp): Promise<void> {
    const hasReason = (reasons: readonly string[] = []): boolean => reasons.some((text) => reason.test(text));
    await host.running.untilStatus(({ node }) => hasReason(node?.reasons), eventMs);
  }

  /** @throws {Error} that says what did not become so in time */
  async until(condition: string, holds: () => Promise<boolean>): Promise<void> {
    const deadlineMs = performance.now() + eventMs;
    while (!(await holds())) {
      if (performance.now() > deadlineMs) throw new Error(`still not so after ${eventMs / 1000} s: ${condition}`);
      await Bun.sleep(pollMs);
    }
  }

  async kubectl(...words: string[]): Promise<string> {
    return (await this.controlPlane.kubectl(words)).stdout;
  }

  async apply(object: object): Promise<void> {
    await this.controlPlane.kubectl(["apply", "--filename=-"], { stdin: JSON.stringify(object) });
  }

  async hasPod(name: string): Promise<boolean> {
    return (await this.kubectl("get", "pod", name, "--ignore-not-found", "--output=name")) !== "";
  }

  /** Rejects when it does not become so in time. */
  async untilPod(name: string, condition = "Ready", timeoutSeconds = 600): Promise<void> {
    await this.kubectl("wait", `--for=condition=${condition}`, `--timeout=${timeoutSeconds}s`, `pod/${name}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const host of this.#hosts.values()) await host[Symbol.asyncDispose]();
    await this.controlPlane[Symbol.asyncDispose]();
  }
}
