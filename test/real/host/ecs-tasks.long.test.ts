/**
 * Protects: what a cluster of ECS asks for runs in the Docker Engine of our images, fetched through a proxy and from a
 * registry that only `settings.pki` vouches for, and outlives the agent and the engine.
 *
 * The agent is a stand-in (test/worlds/ecs/agent), supplied as the real one is; the cluster is moto with a proxy.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import {
  CreateClusterCommand,
  CreateServiceCommand,
  RegisterTaskDefinitionCommand,
  StartTaskCommand,
  UpdateContainerInstancesStateCommand,
} from "@aws-sdk/client-ecs";
import { EC2Client, RunInstancesCommand } from "@aws-sdk/client-ec2";
import { accessTo, instancesOf, type ClusterAccess } from "../../../cluster/ecs/cluster-access.ts";
import { compile } from "../../../programs/compile.ts";
import { busyboxImage } from "../../worlds/containers/oci-image.ts";
import { registryName, startTestRegistry, type TestRegistry } from "../../worlds/containers/registry.ts";
import { compileMs } from "../../worlds/containers/runtime.ts";
import { DockerHost } from "../../worlds/ecs/docker-host.ts";
import { clusterName, EcsWorld } from "../../worlds/ecs/ecs-world.ts";
import { TaskServer } from "../../worlds/ecs/task-server.ts";
import { eventually } from "../../eventually.ts";
import { imdsServer } from "../../worlds/host/imds.ts";
import { settingsOf } from "../../worlds/host/settings.ts";
import { TestAuthority } from "../../worlds/network/certificates.ts";
import { startHttpsProxy, type HttpsProxy } from "../../worlds/network/https-proxy.ts";

const region = "eu-west-1";
const names = { ecs: "ecs.example.com", tasks: "tasks.example.com" } as const;
const login = { username: "boats", password: "sesame" };
const signal = AbortSignal.timeout(compileMs);

const open = new AsyncDisposableStack();
let world: EcsWorld;
let access: ClusterAccess;
let tasks: TaskServer;
let registry: TestRegistry;
let proxy: HttpsProxy;
let host: DockerHost;
let image: string;
let containerInstance: string;

async function makeCluster(): Promise<string> {
  access = accessTo(clusterName, { region, endpoint: world.url });
  await world.reset();
  await access.ecs.send(new CreateClusterCommand({ clusterName }));
  const containerDefinitions = [{ name: "web", image, memory: 64 }];
  await access.ecs.send(new RegisterTaskDefinitionCommand({ family: "web", containerDefinitions }));
  await access.ecs.send(
    new CreateServiceCommand({ cluster: clusterName, serviceName: "web", taskDefinition: "web", desiredCount: 1 }),
  );
  const ec2 = new EC2Client({ region, endpoint: world.url });
  const { Instances = [] } = await ec2.send(
    new RunInstancesCommand({ ImageId: "ami-12c6146b", MinCount: 1, MaxCount: 1 }),
  );
  return Instances[0]?.InstanceId ?? "";
}

async function standIn(): Promise<string> {
  const directory = join(import.meta.dir, "../../../build/test/ecs-agent");
  await mkdir(directory, { recursive: true });
  const program = join(directory, "agent");
  await compile("test/worlds/ecs/agent/stand-in.ts", process.arch === "x64" ? "linux-x64" : "linux-aarch64", program);
  await copyFile(join(import.meta.dir, "../../../LICENSE"), join(directory, "LICENSE"));
  return program;
}

beforeAll(async () => {
  registry = open.use(await startTestRegistry({ tls: true, auth: true }));
  image = `${registryName}:${registry.port}/boats/web:v1`;
  await using web = await busyboxImage({ entrypoint: ["/bin/sh", "-c", "trap exit TERM; sleep 1d & wait"] });
  await registry.push(web.layout, "boats/web:v1");
  world = open.use(await EcsWorld.start());
  const instanceId = await makeCluster();
  const authority = await TestAuthority.make("company");
  const own = await authority.server(Object.values(names));
  tasks = open.use(new TaskServer(own));
  world.taskEndpoint = `https://${names.tasks}:${tasks.port}/`;
  const ecsPort = world.serveTls(own);
  proxy = open.use(await startHttpsProxy(await authority.server(["127.0.0.1"]), login));
  const service = open.use(imdsServer());
  service.answers.set("dynamic/instance-identity/document", JSON.stringify({ instanceId, region }));
  const settings = settingsOf(
    {
      network: { "https-proxy": `https://${login.username}:${login.password}@127.0.0.1:${proxy.port}` },
      pki: { ...registry.pki, company: { data: authority.setting, trusted: true } },
      "container-registry": { credentials: [registry.credential(`${registryName}:${registry.port}`)] },
      aws: { region },
      ecs: { cluster: clusterName, "backend-host": `https://${names.ecs}:${ecsPort}` },
    },
    "aws-ecs-1",
  );
  host = open.use(await DockerHost.start(settings, await standIn(), `http://127.0.0.1:${service.port}`));
  await host.restart("containerd");
  await host.restart("dockerd");
  await host.restart("agent");
}, compileMs);
afterAll(async () => await open.disposeAsync());

/** A task that ECS places on the host. */
async function placedTask(): Promise<string> {
  const { tasks: started = [] } = await access.ecs.send(
    new StartTaskCommand({
      cluster: clusterName,
      taskDefinition: "web",
      containerInstances: [containerInstance],
      group: "service:web",
      startedBy: "ecs-svc/1",
    }),
  );
  return started[0]?.taskArn ?? "";
}

/** The same, until it runs. */
async function startTask(): Promise<string> {
  const arn = await placedTask();
  const message = tasks.send(containerInstance, { arn, containers: [{ name: "web", image }] }, "RUNNING");
  await eventually(() => expect(world.reports).toContainEqual({ task: arn, status: "RUNNING" }), 60_000);
  expect(tasks.acknowledged).toContain(message);
  return arn;
}

test("the agent registers and gets its tasks through the proxy", async () => {
  await eventually(() => expect(tasks.connections).toBe(1), 60_000);
  const [known] = await instancesOf(access, "attribute:orlop.variant exists", signal);
  expect(known?.status).toBe("ACTIVE");
  containerInstance = known?.containerInstanceArn ?? "";
  expect(tasks.isConnected(containerInstance)).toBe(true);
  expect(proxy.connected.map((target) => target.split(":")[0])).toEqual([names.ecs, names.tasks]);
}, 120_000);

test("a task runs from a registry with an authority of its own, and outlives the agent and Docker Engine", async () => {
  const task = await startTask();
  expect(proxy.connected).toContain(`${registryName}:${registry.port}`);
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
  const arn = await placedTask();
  const unknown = `${registryName}:${registry.port}/boats/unknown:v1`;
  tasks.send(containerInstance, { arn, containers: [{ name: "web", image: unknown }] }, "RUNNING");
  await eventually(() => {
    expect(world.reports).toContainEqual({
      task: arn,
      status: "STOPPED",
      reason: expect.stringContaining("not found"),
    });
  }, 60_000);
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
