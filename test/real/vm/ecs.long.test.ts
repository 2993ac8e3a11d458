/**
 * Protects: an instance of ECS runs what its cluster says, by Docker Engine, through a proxy and from a registry that only
 * `settings.pki` vouches for; its tasks outlive the agent and the daemon; the updater brings it to a new version.
 *
 * The agent is a stand-in (test/worlds/ecs/agent), the cluster is moto with a proxy, and the host is a real one. Nothing of
 * the machine can be looked into: what is told here comes from its API, its containers and its tasks.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { setTimeout as sleep } from "node:timers/promises";
import { DescribeContainerInstancesCommand } from "@aws-sdk/client-ecs";
import { instancesOf, type ClusterAccess } from "../../../cluster/ecs/cluster-access.ts";
import { readClusterPolicy } from "../../../cluster/ecs/ecs-policy.ts";
import { documentNames, documents } from "../../../cluster/ecs/stack/documents.ts";
import { ClusterUpdater } from "../../../cluster/ecs/updater.ts";
import { machineClock } from "../../../lib/clock.ts";
import { hostOfInstances } from "../../../vm/qemu/qemu.ts";
import { clusterName, type EcsWorld } from "../../worlds/ecs/ecs-world.ts";
import { RealHost } from "../../worlds/ecs/real-host.ts";
import { endpoints, suppliedAgent, TaskCluster } from "../../worlds/ecs/task-cluster.ts";
import type { TaskServer } from "../../worlds/ecs/task-server.ts";
import type { HttpsProxy } from "../../worlds/network/https-proxy.ts";
import { newer, older, PublishedImages } from "./published-images.ts";
import { TestHost } from "./test-host.ts";

const waitMs = 300_000;
const signal = new AbortController().signal;

const open = new AsyncDisposableStack();
let cluster: TaskCluster;
let world: EcsWorld;
let access: ClusterAccess;
let tasks: TaskServer;
let proxy: HttpsProxy;
let published: PublishedImages;
let host: TestHost;
let real: RealHost;

/** What a task says of itself, again and again: in which container it is, and what it finds at the metadata's address. */
type Sign = { task: string; container: string; metadata: string };
const signs: Sign[] = [];
const listener = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch({ url }) {
    const { searchParams: said } = new URL(url);
    const [task, container, metadata] = [said.get("task"), said.get("container"), said.get("metadata")];
    signs.push({ task: task ?? "", container: container ?? "", metadata: metadata ?? "" });
    return new Response("");
  },
});

async function eventually<T>(look: () => Promise<T | undefined> | T | undefined, what: string): Promise<T> {
  for (const deadlineMs = performance.now() + waitMs; performance.now() < deadlineMs; await sleep(500)) {
    const seen = await look();
    if (seen !== undefined) return seen;
  }
  throw new Error(`still not after ${waitMs / 1000} s: ${what}`);
}

const base64 = (text: string): string => Buffer.from(text).toString("base64");

beforeAll(async () => {
  const script = `while true; do
    metadata=$(wget -q -O- http://169.254.170.2/ | tr -dc a-zA-Z)
    wget -q -O- "http://${hostOfInstances}:${listener.port}/?task=$1&container=$(hostname)&metadata=$metadata"
    sleep 1
  done`;
  cluster = open.use(await TaskCluster.start({ here: hostOfInstances, script }));
  ({ world, access, tasks, proxy } = cluster.parts);
  const { metadata } = cluster.parts;
  const supplied = {
    supply: { "ecs-agent": await suppliedAgent.make("linux-x64") },
    trust: "new",
    lists: suppliedAgent.lists,
  } as const;
  published = open.use(
    await PublishedImages.open("ecs", "aws-ecs-1", { companions: "beside", supplied, host: hostOfInstances }),
  );
  const credentials = base64("[default]\naws_access_key_id = test\naws_secret_access_key = test\n");
  const settings = {
    ...cluster.settings,
    network: { ...cluster.settings.network, "no-proxy": [hostOfInstances] },
    aws: { ...cluster.settings.aws, credentials },
    updates: published.settings,
    "host-containers": { admin: { enabled: true }, control: { enabled: true } },
  };
  host = open.use(
    await TestHost.make("ecs", {
      image: published.images.older.image,
      userData: JSON.stringify({ settings }),
      handOver: async (document) => {
        metadata.answers.set("user-data", document);
        return await Promise.resolve({ vendor: "Amazon EC2", metadataPort: metadata.port, systemDiskBus: "nvme" });
      },
      shell: false,
      diskBytes: 8 * 2 ** 30,
      memoryMiB: 2048,
    }),
  );
  await host.switchOn("without shell");
  await host.untilConfigured();
});
afterAll(async () => {
  await open.disposeAsync();
  await listener.stop(true);
});

async function registered(): Promise<string> {
  return await eventually(async () => {
    const { ecs } = await host.status().catch(() => ({ ecs: undefined }));
    return ecs?.ready === true ? ecs.containerInstance : undefined;
  }, "the agent is registered");
}

/** A task that ECS places on the host, once it is reported to run. Gives its ARN. */
async function startTask(): Promise<string> {
  const task = await cluster.place(real.containerInstance);
  expect(await cluster.run(real.containerInstance, task)).toEqual({ task, status: "RUNNING" });
  return task;
}

/** The next word of a task that says something after now. */
async function nextSign(task: string): Promise<Sign> {
  const from = signs.length;
  return await eventually(() => signs.slice(from).find((sign) => sign.task === task), `a sign of ${task}`);
}

/** In the host's own namespaces. */
async function onHost(command: string): Promise<string> {
  const { output, exitCode } = await host.exec("admin", ["sheltie", "-c", command]);
  if (exitCode !== 0) throw new Error(`${command} exits with ${exitCode}: ${output}`);
  return output;
}

test("the agent registers through the proxy, and admin and control run with nothing but enabled", async () => {
  const containerInstance = await registered();
  expect(proxy.connected.some((target) => target.startsWith(endpoints.ecs))).toBe(true);
  const [known] = await instancesOf(access, "attribute:orlop.variant exists", signal);
  expect(known).toMatchObject({ containerInstanceArn: containerInstance, status: "ACTIVE" });
  // Docker Engine took in the image that holds what containers of a task share.
  expect(known?.attributes?.map(({ name }) => name)).toContain("ecs.capability.pid-ipc-namespace-sharing");
  await host.untilRunning("admin", "control");
  real = new RealHost(
    { instance: known?.ec2InstanceId ?? "", containerInstance },
    tasks,
    async (container, command) => await host.exec(container, command),
  );
  world.join(real, containerInstance);
  await eventually(() => !real.away || undefined, "the agent's websocket");
  expect(proxy.connected.some((target) => target.startsWith(endpoints.tasks))).toBe(true);
});

test("a task from the websocket runs in Docker Engine, and outlives agent and daemon", async () => {
  const task = await startTask();
  expect(proxy.connected).toContain(cluster.registryHost);
  const sign = await nextSign(task);
  expect(sign.metadata).toBe("standIntrue");
  const connections = tasks.connections;
  await onHost("systemctl restart ecs.service");
  await eventually(() => tasks.connections > connections || undefined, "the agent's next websocket");
  expect(await registered()).toBe(real.containerInstance);
  expect(await nextSign(task)).toEqual(sign);
  await onHost("systemctl restart docker.service");
  expect(await onHost("systemctl is-active docker.service")).toContain("active");
  expect((await nextSign(task)).container).toBe(sign.container);
  // The daemon is a dependency of the agent, which is restarted with it.
  await eventually(() => !real.away || undefined, "the agent's websocket");
});

test("SSM's documents run in the control container", async () => {
  const [status, check] = [documents.status, documents.check].map(({ mainSteps: [step] }) => step.inputs.runCommand);
  const told = await real.run({ lines: status ?? [], bootId: "" });
  expect(JSON.parse(told.output)).toMatchObject({ os: { version_id: older }, ecs: { ready: true } });
  const checked = await real.run({ lines: check ?? [], bootId: "" });
  expect(JSON.parse(checked.output)).toMatchObject({ chosen_update: { version: newer } });
  const reboot = documents.reboot.mainSteps[0].inputs.runCommand;
  const stale = await real.run({ lines: reboot, bootId: crypto.randomUUID() });
  expect(stale).toEqual({ ok: true, output: "", errors: "" });
});

test("the updater drains the instance, brings it to the new version, and has it serve again", async () => {
  const task = await startTask();
  const lines: string[] = [];
  const updater = new ClusterUpdater(
    {
      access,
      policy: readClusterPolicy(JSON.stringify({ soak: { seconds: 0 }, order: { canaries: 0 } })),
      documents: documentNames,
      clock: machineClock,
      pace: { passMs: 2_000, pollMs: 1_000, answerMs: 120_000 },
      log: (line) => void lines.push(line),
    },
    signal,
  );
  expect(await updater.run(), lines.join("\n")).toEqual({ kind: "rest" });
  expect(world.states.map((state) => state.split(" ").at(-1))).toEqual(["DRAINING", "ACTIVE"]);
  expect(world.reports).toContainEqual({ task, status: "STOPPED" });
  const { os, ecs } = await host.status();
  expect({ version: os.version_id, ready: ecs?.ready }).toEqual({ version: newer, ready: true });
  const { containerInstances = [] } = await access.ecs.send(
    new DescribeContainerInstancesCommand({ cluster: clusterName, containerInstances: [real.containerInstance] }),
  );
  expect(containerInstances[0]?.status).toBe("ACTIVE");
  await eventually(() => !real.away || undefined, "the agent's websocket");
  expect((await nextSign(await startTask())).metadata).toBe("standIntrue");
});

test("admin and control start from what is here, though the repository is away", async () => {
  published[Symbol.dispose]();
  await onHost("systemctl restart host-container@control.service");
  await host.untilRunning("admin", "control");
  expect((await host.exec("control", ["apiclient", "get", "os"])).output).toContain(`"version_id": "${newer}"`);
});
