/**
 * A cluster of ECS with one instance, as that instance finds it: behind a proxy with a password and with an authority of its
 * own, moto with its proxy, the websocket of tasks, the metadata service, and a registry that has the image of a service.
 */
import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import {
  CreateClusterCommand,
  CreateServiceCommand,
  RegisterTaskDefinitionCommand,
  StartTaskCommand,
} from "@aws-sdk/client-ecs";
import { EC2Client, RunInstancesCommand } from "@aws-sdk/client-ec2";
import { CreateDocumentCommand } from "@aws-sdk/client-ssm";
import { accessTo, type ClusterAccess } from "../../../cluster/ecs/cluster-access.ts";
import { documentKinds, documentNames, documents } from "../../../cluster/ecs/stack/documents.ts";
import { compile } from "../../../programs/compile.ts";
import { busyboxImage } from "../containers/oci-image.ts";
import { registryName, startTestRegistry, type TestRegistry } from "../containers/registry.ts";
import { imdsServer, type ImdsServer } from "../host/imds.ts";
import { TestAuthority } from "../network/certificates.ts";
import { startHttpsProxy, type HttpsProxy } from "../network/https-proxy.ts";
import { clusterName, EcsWorld, type TaskReport } from "./ecs-world.ts";
import { TaskServer } from "./task-server.ts";

export const region = "eu-west-1";
/** What agents connect to, by the proxy. */
export const endpoints = { ecs: "ecs.example.com", tasks: "tasks.example.com" } as const;
const login = { username: "boats", password: "sesame" };
const repository = "boats/web:v1";
const agentDirectory = join(import.meta.dir, "../../../build/test/ecs-agent");
const reportMs = 300_000;

type Parts = {
  world: EcsWorld;
  access: ClusterAccess;
  tasks: TaskServer;
  registry: TestRegistry;
  proxy: HttpsProxy;
  metadata: ImdsServer;
  authority: TestAuthority;
};

export class TaskCluster implements AsyncDisposable {
  readonly parts: Parts;
  /** The instance, and what settings of a host are in this cluster. */
  readonly settings;
  readonly #stack: AsyncDisposableStack;

  private constructor(parts: Parts, { here, ecsPort }: { here: string; ecsPort: number }, stack: AsyncDisposableStack) {
    const { registry, proxy, authority } = parts;
    this.parts = parts;
    this.#stack = stack;
    this.settings = {
      network: { "https-proxy": `https://${login.username}:${login.password}@${here}:${proxy.port}` },
      pki: { ...registry.pki, company: { data: authority.setting, trusted: true } },
      "container-registry": { credentials: [registry.credential(hostOf(registry))] },
      aws: { region },
      ecs: { cluster: clusterName, "backend-host": `https://${endpoints.ecs}:${ecsPort}` },
    };
  }

  /**
   * @param here this computer, as the instance knows it
   * @param script of busybox: what a task of the service runs, with the task's arguments
   */
  static async start({ here, script }: { here: string; script: string }): Promise<TaskCluster> {
    await using stack = new AsyncDisposableStack();
    const registry = stack.use(await startTestRegistry({ tls: true, auth: true }));
    await using image = await busyboxImage({ entrypoint: ["/bin/sh", "-c", script, "web"] });
    await registry.push(image.layout, repository);
    const world = stack.use(await EcsWorld.start());
    const access = accessTo(clusterName, { region, endpoint: world.url });
    const instanceId = await makeCluster(world, access, imageOf(registry));
    const authority = await TestAuthority.make("company");
    const own = await authority.server(Object.values(endpoints));
    const tasks = stack.use(new TaskServer(own));
    world.taskEndpoint = `https://${endpoints.tasks}:${tasks.port}/`;
    const ecsPort = world.serveTls(own);
    const proxy = stack.use(await startHttpsProxy(await authority.server([here]), login));
    const metadata = stack.use(imdsServer());
    const identity = { instanceId, region, availabilityZone: `${region}a`, instanceType: "m5.large" };
    metadata.answers.set("dynamic/instance-identity/document", JSON.stringify(identity));
    const parts = { world, access, tasks, registry, proxy, metadata, authority };
    return new TaskCluster(parts, { here, ecsPort }, stack.move());
  }

  /** Of the registry, with its port. */
  get registryHost(): string {
    return hostOf(this.parts.registry);
  }

  get image(): string {
    return imageOf(this.parts.registry);
  }

  /** As ECS places a task of the service on the instance. @returns its ARN */
  async place(containerInstance: string): Promise<string> {
    const { tasks = [] } = await this.parts.access.ecs.send(
      new StartTaskCommand({
        cluster: clusterName,
        taskDefinition: "web",
        containerInstances: [containerInstance],
        group: "service:web",
        startedBy: "ecs-svc/1",
      }),
    );
    const [task] = tasks;
    if (task?.taskArn === undefined) throw new Error("moto started no task");
    return task.taskArn;
  }

  /** Has the agent run it, with its ARN for an argument. @returns the agent's first report of it */
  async run(containerInstance: string, task: string, image = this.image): Promise<TaskReport> {
    const { tasks, world } = this.parts;
    const container = { name: "web", image, command: [task] };
    const message = tasks.send(containerInstance, { arn: task, containers: [container] }, "RUNNING");
    for (const deadlineMs = performance.now() + reportMs; performance.now() < deadlineMs; await Bun.sleep(100)) {
      const report = world.reports.find((each) => each.task === task);
      if (report !== undefined && tasks.acknowledged.has(message)) return report;
    }
    throw new Error(`no report of ${task} after ${reportMs / 1000} s`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

const hostOf = ({ port }: TestRegistry): string => `${registryName}:${port}`;
const imageOf = (registry: TestRegistry): string => `${hostOf(registry)}/${repository}`;

/** @returns the instance */
async function makeCluster(world: EcsWorld, { ecs, ssm }: ClusterAccess, image: string): Promise<string> {
  await world.reset();
  await ecs.send(new CreateClusterCommand({ clusterName }));
  for (const kind of documentKinds) {
    const document = { Name: documentNames[kind], Content: JSON.stringify(documents[kind]) };
    await ssm.send(new CreateDocumentCommand({ ...document, DocumentType: "Command" }));
  }
  const containerDefinitions = [{ name: "web", image, memory: 64 }];
  await ecs.send(new RegisterTaskDefinitionCommand({ family: "web", containerDefinitions }));
  await ecs.send(
    new CreateServiceCommand({ cluster: clusterName, serviceName: "web", taskDefinition: "web", desiredCount: 1 }),
  );
  const ec2 = new EC2Client({ region, endpoint: world.url });
  const { Instances = [] } = await ec2.send(
    new RunInstancesCommand({ ImageId: "ami-12c6146b", MinCount: 1, MaxCount: 1 }),
  );
  return Instances[0]?.InstanceId ?? "";
}

/** The stand-in for the agent, as somebody supplies it: a program with its licence beside it. */
export const suppliedAgent = {
  /** Of the lists that say which supplied programs are trusted. */
  lists: agentDirectory,
  async make(target: "linux-x64" | "linux-aarch64"): Promise<string> {
    await mkdir(agentDirectory, { recursive: true });
    const program = join(agentDirectory, "agent");
    await compile("test/worlds/ecs/agent/stand-in.ts", target, program);
    await copyFile(join(import.meta.dir, "../../../LICENSE"), join(agentDirectory, "LICENSE"));
    return program;
  },
};
