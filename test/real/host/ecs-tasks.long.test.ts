/**
 * Protects: what a cluster of ECS asks for runs in the Docker Engine of our images, fetched through a proxy and from a
 * registry that only `settings.pki` vouches for, and outlives the agent and the engine.
 *
 * The agent is a stand-in (test/worlds/ecs/agent), supplied as the real one is; the cluster is moto with a proxy.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { UpdateContainerInstancesStateCommand } from "@aws-sdk/client-ecs";
import { instancesOf, type ClusterAccess } from "../../../cluster/ecs/cluster-access.ts";
import { compileMs } from "../../worlds/containers/runtime.ts";
import { DockerHost } from "../../worlds/ecs/docker-host.ts";
import { clusterName, type EcsWorld } from "../../worlds/ecs/ecs-world.ts";
import { endpoints, suppliedAgent, TaskCluster } from "../../worlds/ecs/task-cluster.ts";
import type { TaskServer } from "../../worlds/ecs/task-server.ts";
import { eventually } from "../../eventually.ts";
import { settingsOf } from "../../worlds/host/settings.ts";
import type { HttpsProxy } from "../../worlds/network/https-proxy.ts";

const signal = AbortSignal.timeout(compileMs);

const open = new AsyncDisposableStack();
let cluster: TaskCluster;
let world: EcsWorld;
let access: ClusterAccess;
let tasks: TaskServer;
let proxy: HttpsProxy;
let host: DockerHost;
let containerInstance: string;

beforeAll(async () => {
  const script = "trap exit TERM; sleep 1d & wait";
  cluster = open.use(await TaskCluster.start({ here: "127.0.0.1", script }));
  ({ world, access, tasks, proxy } = cluster.parts);
  const agent = await suppliedAgent.make(process.arch === "x64" ? "linux-x64" : "linux-aarch64");
  const settings = settingsOf(cluster.settings, "aws-ecs-1");
  host = open.use(await DockerHost.start(settings, agent, `http://127.0.0.1:${cluster.parts.metadata.port}`));
  await host.restart("containerd");
  await host.restart("dockerd");
  await host.restart("agent");
}, compileMs);
afterAll(async () => await open.disposeAsync());

/** A task that ECS places on the host, once it runs. */
async function startTask(): Promise<string> {
  const task = await cluster.place(containerInstance);
  expect(await cluster.run(containerInstance, task)).toEqual({ task, status: "RUNNING" });
  return task;
}

test("the agent registers and gets its tasks through the proxy", async () => {
  await eventually(() => expect(tasks.connections).toBe(1), 60_000);
  const [known] = await instancesOf(access, "attribute:orlop.variant exists", signal);
  expect(known?.status).toBe("ACTIVE");
  // Docker Engine took in the image that holds what containers of a task share.
  expect(known?.attributes?.map(({ name }) => name)).toContain("ecs.capability.pid-ipc-namespace-sharing");
  containerInstance = known?.containerInstanceArn ?? "";
  expect(tasks.isConnected(containerInstance)).toBe(true);
  expect(proxy.connected.map((target) => target.split(":")[0])).toEqual([endpoints.ecs, endpoints.tasks]);
}, 120_000);

test("a task runs from a registry with an authority of its own, and outlives the agent and Docker Engine", async () => {
  const task = await startTask();
  expect(proxy.connected).toContain(cluster.registryHost);
  const container = (await host.running()).get(task);
  expect(container).toMatch(/^[0-9a-f]{64}$/);
  await host.restart("agent");
  await eventually(() => expect(tasks.connections).toBe(2), 60_000);
  expect(tasks.isConnected(containerInstance)).toBe(true);
  await host.restart("dockerd");
  expect((await host.running()).get(task)).toBe(container ?? "");
  tasks.send(containerInstance, { arn: task, containers: [] }, "STOPPED");
  await eventually(() => expect(world.reports).toContainEqual({ task, status: "STOPPED" }), 60_000);
  await eventually(async () => expect(await host.running()).toEqual(new Map()), 60_000);
}, 240_000);

test("a task that cannot be pulled is reported with what Docker Engine says", async () => {
  const task = await cluster.place(containerInstance);
  const report = await cluster.run(containerInstance, task, cluster.image.replace("web", "unknown"));
  expect(report).toEqual({ task, status: "STOPPED", reason: expect.stringContaining("not found") });
}, 120_000);

test("an instance that drains has its tasks stopped by the agent", async () => {
  const task = await startTask();
  world.join(
    {
      instance: "this",
      away: false,
      hangs: false,
      run: async () => await Promise.resolve({ ok: true, output: "", errors: "" }),
      stopTask: (arn) => void tasks.send(containerInstance, { arn, containers: [] }, "STOPPED"),
    },
    containerInstance,
  );
  await access.ecs.send(
    new UpdateContainerInstancesStateCommand({
      cluster: clusterName,
      containerInstances: [containerInstance],
      status: "DRAINING",
    }),
  );
  await instancesOf(access, "attribute:orlop.variant exists", signal);
  await eventually(() => expect(world.reports).toContainEqual({ task, status: "STOPPED" }), 60_000);
  await eventually(async () => expect((await host.running()).get(task)).toBeUndefined(), 60_000);
}, 120_000);
