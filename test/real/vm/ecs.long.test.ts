/**
 * Protects: an instance of ECS runs what its cluster says, by Docker Engine, through a proxy and from a registry that only
 * `settings.pki` vouches for; its tasks outlive the agent and the daemon; the updater brings it to a new version.
 *
 * The agent is a stand-in (test/worlds/ecs/agent), the cluster is moto with a proxy, and the host is a real one. Nothing of
 * the machine can be looked into: what is told here comes from its API, its containers and its tasks.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import {
  CreateClusterCommand,
  CreateServiceCommand,
  DescribeContainerInstancesCommand,
  RegisterTaskDefinitionCommand,
  StartTaskCommand,
} from "@aws-sdk/client-ecs";
import { EC2Client, RunInstancesCommand } from "@aws-sdk/client-ec2";
import { CreateDocumentCommand } from "@aws-sdk/client-ssm";
import { accessTo, instancesOf, type ClusterAccess } from "../../../cluster/ecs/cluster-access.ts";
import { readClusterPolicy } from "../../../cluster/ecs/ecs-policy.ts";
import { documentKinds, documentNames, documents } from "../../../cluster/ecs/stack/documents.ts";
import { ClusterUpdater } from "../../../cluster/ecs/updater.ts";
import { machineClock } from "../../../lib/clock.ts";
import { compile } from "../../../programs/compile.ts";
import { hostOfInstances } from "../../../vm/qemu/qemu.ts";
import { busyboxImage } from "../../worlds/containers/oci-image.ts";
import { registryName, startTestRegistry, type TestRegistry } from "../../worlds/containers/registry.ts";
import { clusterName, EcsWorld } from "../../worlds/ecs/ecs-world.ts";
import { RealHost } from "../../worlds/ecs/real-host.ts";
import { TaskServer } from "../../worlds/ecs/task-server.ts";
import { imdsServer, type ImdsServer } from "../../worlds/host/imds.ts";
import { TestAuthority } from "../../worlds/network/certificates.ts";
import { startHttpsProxy, type HttpsProxy } from "../../worlds/network/https-proxy.ts";
import { newer, older, PublishedImages } from "./published-images.ts";
import { TestHost } from "./test-host.ts";

const region = "eu-west-1";
const names = { ecs: "ecs.example.com", tasks: "tasks.example.com" } as const;
const login = { username: "boats", password: "sesame" };
const waitMs = 300_000;
const signal = new AbortController().signal;

const open = new AsyncDisposableStack();
let world: EcsWorld;
let access: ClusterAccess;
let tasks: TaskServer;
let registry: TestRegistry;
let proxy: HttpsProxy;
let service: ImdsServer;
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

async function makeCluster(): Promise<string> {
  access = accessTo(clusterName, { region, endpoint: world.url });
  await world.reset();
  await access.ecs.send(new CreateClusterCommand({ clusterName }));
  for (const kind of documentKinds) {
    const document = { Name: documentNames[kind], Content: JSON.stringify(documents[kind]) };
    await access.ssm.send(new CreateDocumentCommand({ ...document, DocumentType: "Command" }));
  }
  const containerDefinitions = [{ name: "web", image: `${registryName}:${registry.port}/boats/web:v1`, memory: 64 }];
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

/** The program that takes the place of the agent, as somebody brings it. */
async function standIn(): Promise<string> {
  const directory = join(import.meta.dir, "../../../build/test/ecs-agent");
  await mkdir(directory, { recursive: true });
  const program = join(directory, "agent");
  await compile("test/worlds/ecs/agent/stand-in.ts", "linux-x64", program);
  await copyFile(join(import.meta.dir, "../../../LICENSE"), join(directory, "LICENSE"));
  return program;
}

const base64 = (text: string): string => Buffer.from(text).toString("base64");

beforeAll(async () => {
  registry = open.use(await startTestRegistry({ tls: true, auth: true }));
  const script = `while true; do
    metadata=$(wget -q -O- http://169.254.170.2/ | tr -dc a-zA-Z)
    wget -q -O- "http://${hostOfInstances}:${listener.port}/?task=$1&container=$(hostname)&metadata=$metadata"
    sleep 1
  done`;
  await using image = await busyboxImage({ entrypoint: ["/bin/sh", "-c", script, "web"] });
  await registry.push(image.layout, "boats/web:v1");
  world = open.use(await EcsWorld.start());
  const instance = await makeCluster();
  const authority = await TestAuthority.make("company");
  const own = await authority.server(Object.values(names));
  tasks = open.use(new TaskServer(own));
  world.taskEndpoint = `https://${names.tasks}:${tasks.port}/`;
  const ecsPort = world.serveTls(own);
  proxy = open.use(await startHttpsProxy(await authority.server([hostOfInstances]), login));
  service = open.use(imdsServer());
  service.answers.set(
    "dynamic/instance-identity/document",
    JSON.stringify({ instanceId: instance, region, availabilityZone: `${region}a`, instanceType: "m5.large" }),
  );
  const supplied = {
    supply: { "ecs-agent": await standIn() },
    trust: "new",
    lists: join(import.meta.dir, "../../../build/test/ecs-agent"),
  } as const;
  const published = open.use(
    await PublishedImages.open("ecs", "aws-ecs-1", { companions: "beside", supplied, host: hostOfInstances }),
  );
  const settings = {
    network: {
      "https-proxy": `https://${login.username}:${login.password}@${hostOfInstances}:${proxy.port}`,
      "no-proxy": [hostOfInstances],
    },
    pki: { ...registry.pki, company: { data: authority.setting, trusted: true } },
    "container-registry": { credentials: [registry.credential(`${registryName}:${registry.port}`)] },
    aws: { region, credentials: base64("[default]\naws_access_key_id = test\naws_secret_access_key = test\n") },
    ecs: { cluster: clusterName, "backend-host": `https://${names.ecs}:${ecsPort}` },
    updates: published.settings,
    "host-containers": { admin: { enabled: true }, control: { enabled: true } },
  };
  host = open.use(
    await TestHost.make("ecs", {
      image: published.images.older.image,
      userData: JSON.stringify({ settings }),
      handOver: async (document) => {
        service.answers.set("user-data", document);
        return await Promise.resolve({ vendor: "Amazon EC2", metadataPort: service.port, systemDiskBus: "nvme" });
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

/** A task that ECS places on the host, until it is reported to run. Gives its ARN. */
async function startTask(): Promise<string> {
  const { tasks: started = [] } = await access.ecs.send(
    new StartTaskCommand({
      cluster: clusterName,
      taskDefinition: "web",
      containerInstances: [real.containerInstance],
      group: "service:web",
      startedBy: "ecs-svc/1",
    }),
  );
  const arn = started[0]?.taskArn ?? "";
  const image = `${registryName}:${registry.port}/boats/web:v1`;
  const message = tasks.send(
    real.containerInstance,
    { arn, containers: [{ name: "web", image, command: [arn] }] },
    "RUNNING",
  );
  const report = await eventually(() => world.reports.find(({ task }) => task === arn), `a report of ${arn}`);
  expect(report).toEqual({ task: arn, status: "RUNNING" });
  expect(tasks.acknowledged).toContain(message);
  return arn;
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
  expect(proxy.connected.some((target) => target.startsWith(names.ecs))).toBe(true);
  const [known] = await instancesOf(access, "attribute:orlop.variant exists", signal);
  expect(known).toMatchObject({ containerInstanceArn: containerInstance, status: "ACTIVE" });
  await host.untilRunning("admin", "control");
  real = new RealHost(
    { instance: known?.ec2InstanceId ?? "", containerInstance },
    tasks,
    async (container, command) => await host.exec(container, command),
  );
  world.join(real, containerInstance);
  await eventually(() => !real.away || undefined, "the agent's websocket");
  expect(proxy.connected.some((target) => target.startsWith(names.tasks))).toBe(true);
});

test("a task from the websocket runs in Docker Engine, and outlives agent and daemon", async () => {
  const task = await startTask();
  expect(proxy.connected).toContain(`${registryName}:${registry.port}`);
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
