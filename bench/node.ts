/**
 * How long a machine takes to become a node of Kubernetes, from the start of its kernel, and what it costs.
 *
 * Ours is metal-k8s; the peer is stock Debian 13 with the same kubelet, Debian's containerd 1.7 and the same configuration of
 * both. All join one control plane on this computer, which says when a node is ready and when its first pod runs.
 */
import { mkdir, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { builtImage } from "../cli/image/built-image.ts";
import { buildDirectory } from "../cli/context.ts";
import type { ImageManifest } from "../image/manifest.ts";
import { openToolsRoot, runTool, type ToolsRoot } from "../image/packages/tools-root.ts";
import { Failure } from "../lib/failure.ts";
import { parseJson } from "../lib/text/json.ts";
import { say } from "../lib/progress.ts";
import { busyboxImage } from "../test/worlds/containers/oci-image.ts";
import { startTestRegistry } from "../test/worlds/containers/registry.ts";
import { pauseImage } from "../variants/kubernetes.ts";
import { nodeDiskBytes, startControlPlane } from "../vm/cluster/control-plane.ts";
import { makeCredentials } from "../vm/credentials.ts";
import { createMachine } from "../vm/machine.ts";
import { withRemoteAccess } from "../vm/user-data.ts";
import {
  bootTimeoutMs,
  joining,
  makeDebianNode,
  size,
  switchOnDebian,
  variant,
  type NodeWorld,
  type StartedNode,
} from "./debian-node.ts";
import { computer, median, type BenchReport } from "./report.ts";
import type { StockDebian } from "./stock-debian.ts";

const rounds = 3;
const pollMs = 200;
/** In a registry, without its name: reads the memory of its node. */
const memoryImage = "bench/meminfo:v1";
/** zstd's own default. */
const compressionLevel = 3;

const [ours, theirs] = ["ours", "theirs"] as const;
type Side = typeof ours | typeof theirs;

/** Seconds since the kernel started; bytes. */
type Node = { ready: number; pod: number; memory: number };

export async function benchNode(signal: AbortSignal): Promise<BenchReport> {
  const tools = await openToolsRoot();
  const { image, manifest } = await builtImage({ variant, architecture: "x86_64" }, signal);
  const directory = join(buildDirectory, "bench");
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  const running = new Map<string, StartedNode>();
  try {
    await using registry = await startTestRegistry({ tls: false, auth: false });
    await using busybox = await busyboxImage({ entrypoint: ["/bin/cat", "/proc/meminfo"] });
    await registry.push(busybox.layout, memoryImage);
    say("starting a cluster");
    await using cluster = await startControlPlane({
      directory: join(directory, "cluster"),
      kubeletPort: async (node) => Promise.resolve(running.get(node)?.kubeletPort),
      signal,
    });
    const world: NodeWorld = { cluster, registry: registry.forGuests };
    say("making a stock Debian");
    const debian = await makeDebianNode(tools, join(directory, "debian"), { world, node: theirs }, signal);
    const switchOn: Record<Side, () => Promise<StartedNode>> = {
      ours: async () => switchOnOurs(image, join(directory, ours), world, signal),
      theirs: async () => switchOnDebian(tools, debian, join(directory, theirs), signal),
    };
    const measured: Record<Side, Node[]> = { ours: [], theirs: [] };
    for (let round = 1; round <= rounds; round++) {
      for (const side of [ours, theirs]) {
        say(`round ${round} of ${rounds}: ${side}`);
        await rm(join(directory, side), { recursive: true, force: true });
        await create(world, firstPod(side), signal);
        await using machine = await switchOn[side]();
        running.set(side, machine);
        measured[side].push(await watch(world, side, machine, signal));
        running.delete(side);
        await cluster.kubectl(["delete", "pod", "--all", "--force", "--grace-period=0"], { signal });
        await cluster.kubectl(["delete", "node", side], { signal });
      }
    }
    return report(measured, updateBytes(manifest), await packedBytes(tools, debian, signal));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function report(measured: Readonly<Record<Side, readonly Node[]>>, ourBytes: number, theirBytes: number): BenchReport {
  const of = (side: Side, name: keyof Node): number => median(measured[side].map((node) => node[name]));
  const both = (name: keyof Node) => ({ ours: of(ours, name), peer: of(theirs, name) });
  const goal = { beside: "peer", atMost: 0.6 } as const;
  return {
    benchmark: "node",
    ours: `the ${variant} image, by firmware and systemd-boot`,
    peer: "stock Debian 13 with its containerd 1.7 and the same kubelet, pause image and configuration, started by QEMU",
    figures: [
      { name: "kernel to node Ready", unit: "seconds", ...both("ready"), goal },
      { name: "kernel to first pod running", unit: "seconds", ...both("pod") },
      { name: "memory in use", unit: "bytes", ...both("memory") },
      { name: "image, compressed by zstd", unit: "bytes", ours: ourBytes, peer: theirBytes },
    ],
    notes: [
      `medians of ${rounds} first boots each, in turns, joined by bootstrap token to one control plane`,
      `QEMU without KVM, ${size.cpus} processors, ${size.memoryMiB} MiB`,
      "the pod is a pause container, whose image both have; memory in use is MemTotal - MemAvailable, as a second pod reads it",
      "ours is root, hash tree and unified kernel image; theirs its root with kernel and initrd, as a tar archive",
    ],
    computer: computer(),
  };
}

type Pod = ReturnType<typeof podOn>;

function podOn(node: Side, name: string, container: Record<string, string>) {
  const spec = {
    nodeSelector: { "kubernetes.io/hostname": node },
    restartPolicy: "OnFailure",
    containers: [{ name: "main", ...container }],
  };
  return { apiVersion: "v1", kind: "Pod", metadata: { name }, spec };
}

/** Waits there before the node comes. */
const firstPod = (node: Side) => podOn(node, node, { image: pauseImage, imagePullPolicy: "Never" });

async function create({ cluster }: NodeWorld, pod: Pod, signal: AbortSignal): Promise<void> {
  await cluster.kubectl(["apply", "--filename=-"], { stdin: JSON.stringify(pod), signal });
}

async function watch(world: NodeWorld, side: Side, machine: StartedNode, signal: AbortSignal): Promise<Node> {
  const until = async (milestone: string, path: string, holds: (object: unknown) => boolean): Promise<number> =>
    await momentOf(`${side}: ${milestone}`, async () => holds(await ask(world, path, signal)), signal);
  const readyMs = await until("node Ready", `/api/v1/nodes/${side}`, isReady);
  const podMs = await until("first pod running", podPath(side), isReady);
  const startMs = await machine.kernelStartMs();
  const memoryPod = podOn(side, `${side}-memory`, { image: `${world.registry}/${memoryImage}` });
  await create(world, memoryPod, signal);
  await until("second pod done", podPath(memoryPod.metadata.name), hasSucceeded);
  const meminfo = await world.cluster.get(`${podPath(memoryPod.metadata.name)}/log`, signal);
  return {
    ready: (readyMs - startMs) / 1000,
    pod: (podMs - startMs) / 1000,
    memory: memoryInUse(await meminfo.text()),
  };
}

const podPath = (name: string): string => `/api/v1/namespaces/default/pods/${name}`;

/** By `performance.now()`. */
async function momentOf(milestone: string, holds: () => Promise<boolean>, signal: AbortSignal): Promise<number> {
  const untilMs = performance.now() + bootTimeoutMs;
  while (!(await holds())) {
    if (performance.now() > untilMs) {
      throw new Failure("no-node", `cannot measure ${milestone}: not reached in ${bootTimeoutMs / 1000} s`);
    }
    await sleep(pollMs, undefined, { signal });
  }
  return performance.now();
}

/** Undefined for what is not there. */
async function ask({ cluster }: NodeWorld, path: string, signal: AbortSignal): Promise<unknown> {
  const response = await cluster.get(path, signal);
  const text = await response.text();
  return response.ok ? parseJson(text) : undefined;
}

const withConditions = z.object({
  status: z.object({ conditions: z.array(z.object({ type: z.string(), status: z.string() })).default([]) }),
});

function isReady(object: unknown): boolean {
  if (object === undefined) return false;
  return withConditions
    .parse(object)
    .status.conditions.some(({ type, status }) => type === "Ready" && status === "True");
}

const withPhase = z.object({ status: z.object({ phase: z.string() }) });

function hasSucceeded(object: unknown): boolean {
  return object !== undefined && withPhase.parse(object).status.phase === "Succeeded";
}

/** Of all that is there, what the kernel could not give to a program at once. Source: proc_meminfo(5). */
function memoryInUse(meminfo: string): number {
  const kibibytes = (name: string): number => {
    const value = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(meminfo)?.[1];
    if (value === undefined)
      throw new Failure("no-node", `cannot read ${name} in ${JSON.stringify(meminfo.slice(0, 200))}`);
    return Number(value);
  };
  return (kibibytes("MemTotal") - kibibytes("MemAvailable")) * 1024;
}

async function switchOnOurs(image: string, path: string, world: NodeWorld, signal: AbortSignal): Promise<StartedNode> {
  const credentials = await makeCredentials();
  const machine = await createMachine(path, {
    image,
    credentials,
    userData: withRemoteAccess(JSON.stringify({ settings: joining(world, ours) }), credentials),
    userDataBy: "private-partition",
    kubelet: true,
    diskBytes: nodeDiskBytes,
    ...size,
  });
  const running = await machine.switchOn(signal);
  return {
    kubeletPort: running.record.kubeletPort ?? 0,
    async kernelStartMs() {
      const { uptimeSeconds } = await (await running.api()).call("getStatus", { signal });
      return performance.now() - uptimeSeconds * 1000;
    },
    [Symbol.asyncDispose]: async () => running.cutPower(),
  };
}

function updateBytes({ root, hash, unifiedImage }: ImageManifest): number {
  return root.bytes + hash.bytes + unifiedImage.bytes;
}

async function packedBytes(tools: ToolsRoot, { disk }: StockDebian, signal: AbortSignal): Promise<number> {
  const directory = dirname(disk);
  const archive = join(directory, "root.tar");
  await runTool(tools, ["tar", "--create", `--file=${archive}`, `--directory=${join(directory, "root")}`, "."], {
    binds: [directory],
    signal,
  });
  const packed = `${archive}.zst`;
  await runTool(tools, ["zstd", "--quiet", `-${compressionLevel}`, "--threads=0", archive, "-o", packed], {
    binds: [directory],
    signal,
  });
  return (await stat(packed)).size;
}
