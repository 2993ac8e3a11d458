/**
 * A stand-in for the agent of Amazon ECS, for tests: it is not that agent, and no image for production has it.
 *
 * It keeps to the agent's contract with everything around it: its environment, the ECS API (RegisterContainerInstance,
 * DiscoverPollEndpoint, SubmitTaskStateChange), the websocket that brings tasks, Docker Engine, the introspection API and
 * its state directory. Source: https://github.com/aws/amazon-ecs-agent, ecs-agent/acs and agent/handlers.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  DiscoverPollEndpointCommand,
  ECSClient,
  RegisterContainerInstanceCommand,
  SubmitTaskStateChangeCommand,
} from "@aws-sdk/client-ecs";
import { z } from "zod";
import { authoritiesPath, removeProxyVariables, requestThrough, routeIn } from "../../../../host/machine/outbound.ts";
import { DockerEngine } from "./docker-engine.ts";
import { throughProxy } from "./through-proxy.ts";

const version = "Amazon ECS Agent - stand-in for tests";
const environment = z.object({
  ECS_BACKEND_HOST: z.string(),
  ECS_CLUSTER: z.string().default("default"),
  ECS_DATADIR: z.string(),
  ECS_INSTANCE_ATTRIBUTES: z.string().default("{}"),
  ECS_ENGINE_AUTH_DATA: z.string().default("{}"),
  AWS_DEFAULT_REGION: z.string().default("eu-west-1"),
  AWS_EC2_METADATA_SERVICE_ENDPOINT: z.string().default("http://169.254.169.254"),
});
const Tasks = z.record(z.string(), z.object({ status: z.string(), containers: z.record(z.string(), z.string()) }));
/** What outlasts the agent: as what it is registered, and its tasks with the ids of their containers by name. */
const State = z.object({ containerInstance: z.string(), tasks: Tasks });
const Payload = z.looseObject({
  type: z.literal("PayloadMessage"),
  message: z.looseObject({
    messageId: z.string(),
    tasks: z.array(
      z.looseObject({
        arn: z.string(),
        desiredStatus: z.string(),
        containers: z.array(
          z.looseObject({ name: z.string(), image: z.string(), command: z.array(z.string()).optional() }),
        ),
      }),
    ),
  }),
});

const env = environment.parse(process.env);
// As the agent, which is a program of Go: by the proxy of its environment, trusting whom the host trusts.
const route = routeIn(removeProxyVariables(), await readFile(authoritiesPath, "utf8"));
const ecs = new ECSClient({
  region: env.AWS_DEFAULT_REGION,
  endpoint: env.ECS_BACKEND_HOST,
  requestHandler: throughProxy(route),
});
const docker = new DockerEngine(
  z.record(z.string(), z.object({ auth: z.string() })).parse(JSON.parse(env.ECS_ENGINE_AUTH_DATA)),
);
/** Source: agent/config/config_unix.go, Makefile and agent/app/agent_capability_unix.go. */
const pauseImage = {
  archive: "/images/amazon-ecs-pause.tar",
  name: "amazon/amazon-ecs-pause:0.1.0",
  capability: "ecs.capability.pid-ipc-namespace-sharing",
} as const;
const statePath = join(env.ECS_DATADIR, "stand-in.json");
const log = (line: string): void => void process.stderr.write(`${line}\n`);

const { containerInstance, tasks } = await registered();
serveIntrospection();
log(`registered with ${env.ECS_CLUSTER} as ${containerInstance}`);
for (;;) {
  try {
    await follow();
  } catch (error) {
    log(`the connection to the cluster ended: ${String(error)}`);
  }
  await Bun.sleep(1_000);
}

/** Once: what is in the state directory is used again. */
async function registered(): Promise<z.output<typeof State>> {
  try {
    return State.parse(JSON.parse(await readFile(statePath, "utf8")));
  } catch (error) {
    log(`registers anew: ${String(error)}`);
  }
  const own = z.record(z.string(), z.string()).parse(JSON.parse(env.ECS_INSTANCE_ATTRIBUTES));
  const attributes = { ...own, ...(await sharingCapability()) };
  const answer = await ecs.send(
    new RegisterContainerInstanceCommand({
      cluster: env.ECS_CLUSTER,
      instanceIdentityDocument: await identityDocument(),
      attributes: Object.entries(attributes).map(([name, value]) => (value === "" ? { name } : { name, value })),
    }),
  );
  const arn = answer.containerInstance?.containerInstanceArn ?? "";
  await mkdir(env.ECS_DATADIR, { recursive: true });
  const state = { containerInstance: arn, tasks: {} };
  await writeFile(statePath, JSON.stringify(state));
  return state;
}

/** Tasks may share namespaces where the image of the container that holds them can be loaded. */
async function sharingCapability(): Promise<Record<string, string>> {
  const failure = await docker.load(pauseImage.archive, pauseImage.name);
  log(failure === undefined ? `loaded ${pauseImage.name}` : `cannot load ${pauseImage.name}: ${failure}`);
  return failure === undefined ? { [pauseImage.capability]: "" } : {};
}

async function keep(): Promise<void> {
  await writeFile(statePath, JSON.stringify({ containerInstance, tasks }));
}

/** That of the instance, by version 2 of its metadata service. */
async function identityDocument(): Promise<string> {
  const service = `${env.AWS_EC2_METADATA_SERVICE_ENDPOINT}/latest`;
  const tokenHeaders = { "x-aws-ec2-metadata-token-ttl-seconds": "60" };
  const token = await (await fetch(`${service}/api/token`, { method: "PUT", headers: tokenHeaders })).text();
  const headers = { "x-aws-ec2-metadata-token": token };
  const answer = await fetch(`${service}/dynamic/instance-identity/document`, { headers });
  if (!answer.ok) throw new Error(`the metadata service answers ${answer.status}`);
  return await answer.text();
}

function serveIntrospection(): void {
  Bun.serve({
    port: 51_678,
    fetch({ url }) {
      switch (new URL(url).pathname) {
        case "/v1/metadata":
          return Response.json({ Cluster: env.ECS_CLUSTER, ContainerInstanceArn: containerInstance, Version: version });
        case "/v1/tasks":
          return Response.json({
            Tasks: Object.entries(tasks).map(([Arn, { status }]) => ({
              Arn,
              KnownStatus: status,
              DesiredStatus: "RUNNING",
            })),
          });
        default:
          return Response.json({ AvailableCommands: ["/v1/metadata", "/v1/tasks"] });
      }
    },
  });
  // What tasks reach at 169.254.170.2.
  Bun.serve({ port: 51_679, hostname: "127.0.0.1", fetch: () => Response.json({ standIn: true }) });
}

/** Until the websocket closes. */
async function follow(): Promise<void> {
  const { endpoint } = await ecs.send(new DiscoverPollEndpointCommand({ cluster: env.ECS_CLUSTER, containerInstance }));
  const url = new URL("ws", (endpoint ?? "").replace(/^http/, "ws"));
  url.searchParams.set("clusterArn", env.ECS_CLUSTER);
  url.searchParams.set("containerInstanceArn", containerInstance);
  const closed = Promise.withResolvers<void>();
  const socket = new WebSocket(url, requestThrough(route, url));
  socket.addEventListener("close", () => closed.resolve());
  socket.addEventListener("error", () => closed.reject(new Error(`cannot reach ${url.host}`)));
  socket.addEventListener("message", (event) => {
    const payload = Payload.safeParse(JSON.parse(String(event.data)));
    if (!payload.success) return;
    const { messageId } = payload.data.message;
    socket.send(
      JSON.stringify({ type: "AckRequest", message: { cluster: env.ECS_CLUSTER, containerInstance, messageId } }),
    );
    for (const task of payload.data.message.tasks) void run(task);
  });
  await closed.promise;
}

async function run(task: z.output<typeof Payload>["message"]["tasks"][number]): Promise<void> {
  const known = (tasks[task.arn] ??= { status: "NONE", containers: {} });
  try {
    if (task.desiredStatus === "STOPPED") {
      for (const id of Object.values(known.containers)) await docker.stop(id);
      return await report(task.arn, "STOPPED");
    }
    for (const container of task.containers) {
      known.containers[container.name] = await docker.run(task.arn, container);
    }
    await report(task.arn, "RUNNING");
  } catch (error) {
    await report(task.arn, "STOPPED", String(error));
  }
}

async function report(task: string, status: string, reason?: string): Promise<void> {
  const known = tasks[task];
  if (known !== undefined) known.status = status;
  await keep();
  log(`task ${task} is ${status}${reason === undefined ? "" : `: ${reason}`}`);
  await ecs.send(
    new SubmitTaskStateChangeCommand({
      cluster: env.ECS_CLUSTER,
      task,
      status,
      ...(reason === undefined ? {} : { reason: reason.slice(0, 200) }),
    }),
  );
}
