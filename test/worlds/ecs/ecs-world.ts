/**
 * An ECS cluster for tests: moto, and in front of it a proxy that does what moto 5.2.1 does not.
 *
 * | call | what moto lacks, and the proxy does |
 * | --- | --- |
 * | ecs RegisterContainerInstance | forgets the attributes |
 * | ecs DeleteAttributes | wants the value, which AWS refuses |
 * | ecs ListContainerInstances | ignores `filter` |
 * | ecs DescribeContainerInstances | agents are always connected, and no instance is ever terminated |
 * | ecs UpdateContainerInstancesState | DRAINING stops no task of a service |
 * | ecs DescribeTasks | does not say when a task was created |
 * | ecs DiscoverPollEndpoint | names itself, and has no websocket |
 * | ecs SubmitTaskStateChange | does not know the call |
 * | ecs DescribeServices | services have no events, and none is a daemon |
 * | ssm SendCommand, GetCommandInvocation, CancelCommand | no command runs anywhere, and what a document does not have is taken |
 *
 * Documents are looked up in moto, so a command runs what a document has. All else is moto's.
 */
import { z } from "zod";
import { parseJson } from "../../../lib/text/json.ts";
import { startMoto } from "../aws/moto.ts";
import type { ClusterHost } from "./cluster-host.ts";
import { PlayedHost } from "./played-host.ts";

export const clusterName = "boats";
const environment = { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test", AWS_REGION: "eu-west-1" };

const TaskReport = z.object({ task: z.string(), status: z.string(), reason: z.string().optional() });
export type TaskReport = z.output<typeof TaskReport>;

type Invocation = { host: ClusterHost; polls: number; status: string; output: string; errors: string };
/** How tasks of services leave an instance that drains. */
export type Leaving = "at once" | "after three looks" | "never";

const Instances = z.looseObject({ containerInstances: z.array(z.looseObject({})) });
const Arns = z.looseObject({ containerInstanceArns: z.array(z.string()) });
const Tasks = z.looseObject({ tasks: z.array(z.looseObject({ taskArn: z.string() })).default([]) });
const Described = z.looseObject({
  containerInstanceArn: z.string(),
  ec2InstanceId: z.string(),
  status: z.string(),
  attributes: z.array(z.looseObject({ name: z.string(), value: z.string().optional() })).default([]),
});

export class EcsWorld implements AsyncDisposable {
  readonly hosts = new Map<string, ClusterHost>();
  /** "ecs PutAttributes", one for each request that was answered. */
  readonly calls: string[] = [];
  /** The same, each once, over all of them: also those before everything was as at first. */
  readonly everCalled = new Set<string>();
  /** Requests of these calls that are still to be throttled. */
  readonly throttled = new Map<string, number>();
  /** Instances that were terminated. */
  readonly gone = new Set<string>();
  /** Every change of state that was asked for: "i-1 DRAINING". */
  readonly states: string[] = [];
  /** The most instances that were DRAINING at once. */
  mostDraining = 0;
  leaving: Leaving = "at once";
  daemons = new Set<string>();
  serviceEvent: string | undefined;
  readonly #moto: string;
  readonly #stack: AsyncDisposableStack;
  readonly #invocations = new Map<string, Invocation>();
  readonly #draining = new Map<string, number>();
  /** When tasks were started, in seconds since the epoch. */
  readonly #created = new Map<string, number>();
  readonly #arns = new Map<string, ClusterHost>();
  url = "";
  /** Where agents get their tasks; nowhere unless given. */
  taskEndpoint = "";
  /** What agents said of tasks, in order. */
  readonly reports: TaskReport[] = [];

  private constructor(moto: string, stack: AsyncDisposableStack) {
    this.#moto = moto;
    this.#stack = stack;
  }

  static async start(): Promise<EcsWorld> {
    await using stack = new AsyncDisposableStack();
    const moto = stack.use(await startMoto());
    for (const [name, value] of Object.entries(environment)) {
      const before = process.env[name];
      process.env[name] = value;
      stack.defer(() => {
        if (before === undefined) delete process.env[name];
        else process.env[name] = before;
      });
    }
    const world = new EcsWorld(moto.url, stack.move());
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      idleTimeout: 0,
      fetch: async (request) => await world.#answer(request),
    });
    world.#stack.defer(async () => await server.stop(true));
    world.url = `http://127.0.0.1:${server.port}`;
    return world;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }

  /** Everything as at first, with tasks that stay as they are until somebody stops them. */
  async reset(): Promise<void> {
    await fetch(`${this.#moto}/moto-api/reset`, { method: "POST" });
    const transition = { model_name: "ecs::task", transition: { progression: "manual", times: 1_000_000 } };
    await fetch(`${this.#moto}/moto-api/state-manager/set-transition`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(transition),
    });
    for (const each of [
      this.hosts,
      this.throttled,
      this.gone,
      this.daemons,
      this.#invocations,
      this.#draining,
      this.#created,
    ])
      each.clear();
    this.#arns.clear();
    this.calls.splice(0);
    this.states.splice(0);
    this.reports.splice(0);
    this.mostDraining = 0;
    this.leaving = "at once";
    this.serviceEvent = undefined;
  }

  /** A played host that registered, as its agent does. */
  addHost(instance: string, arn: string): PlayedHost {
    const host = new PlayedHost(instance);
    this.join(host, arn);
    return host;
  }

  join(host: ClusterHost, arn: string): void {
    this.hosts.set(host.instance, host);
    this.#arns.set(arn, host);
  }

  /** The same for who has TLS alone. @returns the port, on loopback */
  serveTls({ certificate, key }: { certificate: string; key: string }): number {
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      idleTimeout: 0,
      tls: { cert: certificate, key },
      fetch: async (request) => await this.#answer(request),
    });
    this.#stack.defer(async () => await server.stop(true));
    return server.port ?? 0;
  }

  async #answer(request: Request): Promise<Response> {
    const text = await request.text();
    const target = request.headers.get("x-amz-target") ?? "";
    const [prefix = "", action = ""] = target.split(".");
    const call = `${prefix === "AmazonSSM" ? "ssm" : prefix === "" ? "ec2" : "ecs"} ${action}`;
    this.calls.push(call);
    this.everCalled.add(call);
    const throttles = this.throttled.get(call) ?? 0;
    if (throttles > 0) {
      this.throttled.set(call, throttles - 1);
      return refusal("ThrottlingException", "Rate exceeded");
    }
    const forward = async (): Promise<Response> => await this.#forward(request, text);
    switch (call) {
      case "ecs RegisterContainerInstance":
        return await this.#register(await forward(), text);
      case "ecs DeleteAttributes":
        return await this.#deleteAttributes(text);
      case "ecs ListContainerInstances":
        return await this.#list(await forward(), z.object({ filter: z.string().optional() }).parse(parseJson(text)));
      case "ecs DescribeContainerInstances":
        return await this.#describe(await forward());
      case "ecs UpdateContainerInstancesState":
        return await this.#setState(await forward(), text);
      case "ecs DiscoverPollEndpoint":
        return this.taskEndpoint === ""
          ? await forward()
          : Response.json({ endpoint: this.taskEndpoint, telemetryEndpoint: this.taskEndpoint });
      case "ecs SubmitTaskStateChange":
        return await this.#note(TaskReport.parse(parseJson(text)));
      case "ecs StartTask":
        return await this.#noteStart(await forward());
      case "ecs DescribeTasks":
        return await this.#describeTasks(await forward());
      case "ecs DescribeServices":
        return await this.#services(await forward());
      case "ssm SendCommand":
        return await this.#send(text);
      case "ssm GetCommandInvocation":
        return this.#invocation(text);
      case "ssm CancelCommand":
        return Response.json({});
      default:
        return await forward();
    }
  }

  async #forward(request: Request, body: string): Promise<Response> {
    const headers = new Headers(request.headers);
    for (const name of ["host", "connection", "accept-encoding", "transfer-encoding", "content-length"])
      headers.delete(name);
    const { pathname, search } = new URL(request.url);
    const answer = await fetch(`${this.#moto}${pathname}${search}`, { method: request.method, headers, body });
    const kept = new Headers(answer.headers);
    for (const name of ["content-length", "connection", "transfer-encoding"]) kept.delete(name);
    return new Response(await answer.arrayBuffer(), { status: answer.status, headers: kept });
  }

  /** Asks moto, which knows the service by the scope of the signature. */
  async #ask(action: string, body: object): Promise<unknown> {
    const service = action.startsWith("AmazonSSM") ? "ssm" : "ecs";
    const answer = await fetch(this.#moto, {
      method: "POST",
      headers: {
        "x-amz-target": action,
        "content-type": "application/x-amz-json-1.1",
        authorization: `AWS4-HMAC-SHA256 Credential=test/20261201/eu-west-1/${service}/aws4_request, SignedHeaders=host, Signature=0`,
      },
      body: JSON.stringify(body),
    });
    return parseJson(await answer.text());
  }

  async #instances(arns: string[]): Promise<z.output<typeof Described>[]> {
    const action = "AmazonEC2ContainerServiceV20141113.DescribeContainerInstances";
    const answer = await this.#ask(action, { cluster: clusterName, containerInstances: arns });
    return Instances.parse(answer).containerInstances.map((each) => Described.parse(each));
  }

  async #register(answer: Response, text: string): Promise<Response> {
    const body = z
      .looseObject({ containerInstance: z.looseObject({ containerInstanceArn: z.string() }) })
      .safeParse(parseJson(await answer.clone().text())).data;
    const attribute = z.object({ name: z.string(), value: z.string().optional() });
    const { attributes } = z.object({ attributes: z.array(attribute).default([]) }).parse(parseJson(text));
    if (body === undefined || attributes.length === 0) return answer;
    const targetId = body.containerInstance.containerInstanceArn.split("/").at(-1);
    await this.#ask("AmazonEC2ContainerServiceV20141113.PutAttributes", {
      cluster: clusterName,
      attributes: attributes.map((each) => ({ ...each, targetType: "container-instance", targetId })),
    });
    return answer;
  }

  async #deleteAttributes(text: string): Promise<Response> {
    const named = z.object({ name: z.string(), value: z.undefined().optional(), targetId: z.string() }).loose();
    const { attributes } = z.object({ attributes: z.array(named) }).parse(parseJson(text));
    for (const { name, targetId } of attributes) {
      const [instance] = await this.#instances([targetId]);
      const value = instance?.attributes.find((each) => each.name === name)?.value;
      await this.#ask("AmazonEC2ContainerServiceV20141113.DeleteAttributes", {
        cluster: clusterName,
        attributes: [{ name, value, targetId, targetType: "container-instance" }],
      });
    }
    return Response.json({ attributes });
  }

  async #list(answer: Response, { filter }: { filter?: string | undefined }): Promise<Response> {
    const { containerInstanceArns } = Arns.parse(parseJson(await answer.text()));
    const wanted = /^attribute:(\S+) exists$/.exec(filter ?? "")?.[1];
    const found = containerInstanceArns.length === 0 ? [] : await this.#instances(containerInstanceArns);
    const matching = found.filter(
      ({ ec2InstanceId, attributes }) =>
        !this.gone.has(ec2InstanceId) && (wanted === undefined || attributes.some(({ name }) => name === wanted)),
    );
    return Response.json({ containerInstanceArns: matching.map(({ containerInstanceArn: arn }) => arn) });
  }

  async #describe(answer: Response): Promise<Response> {
    if (!answer.ok) return answer;
    const body = Instances.parse(parseJson(await answer.text()));
    const described = body.containerInstances.map((each) => Described.parse(each));
    for (const { containerInstanceArn: arn, ec2InstanceId: id, status } of described) {
      if (status === "DRAINING" && !this.gone.has(id)) await this.#letTasksLeave(arn);
    }
    return Response.json({
      ...body,
      containerInstances: described.map((each) => ({
        ...each,
        status: this.gone.has(each.ec2InstanceId) ? "INACTIVE" : each.status,
        agentConnected: this.hosts.get(each.ec2InstanceId)?.away !== true,
      })),
    });
  }

  async #setState(answer: Response, text: string): Promise<Response> {
    const { containerInstances, status } = z
      .object({ containerInstances: z.array(z.string()), status: z.string() })
      .parse(parseJson(text));
    for (const arn of containerInstances) {
      this.states.push(`${this.#arns.get(arn)?.instance ?? arn} ${status}`);
      if (status === "DRAINING") this.#draining.set(arn, 0);
      else this.#draining.delete(arn);
    }
    this.mostDraining = Math.max(this.mostDraining, this.#draining.size);
    return answer;
  }

  async #noteStart(answer: Response): Promise<Response> {
    const { tasks } = Tasks.parse(parseJson(await answer.clone().text()));
    for (const { taskArn } of tasks) this.#created.set(taskArn, Date.now() / 1000);
    return answer;
  }

  async #describeTasks(answer: Response): Promise<Response> {
    const body = Tasks.parse(parseJson(await answer.text()));
    return Response.json({
      ...body,
      tasks: body.tasks.map((task) => ({ ...task, createdAt: this.#created.get(task.taskArn) })),
    });
  }

  async #note(report: TaskReport): Promise<Response> {
    this.reports.push(report);
    if (report.status === "STOPPED") await this.#stopTask(report.task);
    return Response.json({ acknowledgment: "noted" });
  }

  async #stopTask(task: string): Promise<void> {
    await this.#ask("AmazonEC2ContainerServiceV20141113.StopTask", { cluster: clusterName, task });
  }

  /** Tasks of services stop by the script; daemons too, and the rest stays. */
  async #letTasksLeave(arn: string): Promise<void> {
    const looks = (this.#draining.get(arn) ?? 0) + 1;
    this.#draining.set(arn, looks);
    if (this.leaving === "never" || (this.leaving === "after three looks" && looks < 3)) return;
    for (const { taskArn, group } of await this.#tasks(arn)) {
      if (!group.startsWith("service:") || this.daemons.has(group.slice("service:".length))) continue;
      const host = this.#arns.get(arn);
      if (host?.stopTask === undefined) await this.#stopTask(taskArn);
      else host.stopTask(taskArn);
    }
  }

  async #tasks(arn: string): Promise<{ taskArn: string; group: string }[]> {
    const list = await this.#ask("AmazonEC2ContainerServiceV20141113.ListTasks", {
      cluster: clusterName,
      containerInstance: arn,
      desiredStatus: "RUNNING",
    });
    const { taskArns } = z.looseObject({ taskArns: z.array(z.string()) }).parse(list);
    if (taskArns.length === 0) return [];
    const described = await this.#ask("AmazonEC2ContainerServiceV20141113.DescribeTasks", {
      cluster: clusterName,
      tasks: taskArns,
    });
    const task = z.looseObject({ taskArn: z.string(), group: z.string().nullish() });
    return z
      .looseObject({ tasks: z.array(task) })
      .parse(described)
      .tasks.map(({ taskArn, group }) => ({ taskArn, group: group ?? "" }));
  }

  async #services(answer: Response): Promise<Response> {
    const body = z
      .looseObject({ services: z.array(z.looseObject({ serviceName: z.string() })) })
      .parse(parseJson(await answer.text()));
    const createdAt = Date.now() / 1000;
    const events = this.serviceEvent === undefined ? [] : [{ id: "1", createdAt, message: this.serviceEvent }];
    const services = body.services.map((service) => ({
      ...service,
      schedulingStrategy: this.daemons.has(service.serviceName) ? "DAEMON" : "REPLICA",
      events,
    }));
    return Response.json({ ...body, services });
  }

  async #send(text: string): Promise<Response> {
    const body = z
      .object({
        DocumentName: z.string(),
        InstanceIds: z.array(z.string()),
        Parameters: z.record(z.string(), z.array(z.string())).default({}),
      })
      .parse(parseJson(text));
    const known = await this.#ask("AmazonSSM.GetDocument", { Name: body.DocumentName });
    const content = z.looseObject({ Content: z.string().optional() }).parse(known).Content;
    if (content === undefined) return refusal("InvalidDocument", `no document ${body.DocumentName}`);
    const { parameters } = z
      .looseObject({ parameters: z.record(z.string(), z.unknown()).default({}) })
      .parse(parseJson(content));
    const unknown = Object.keys(body.Parameters).find((name) => !(name in parameters));
    if (unknown !== undefined) return refusal("InvalidParameters", `${body.DocumentName} has no parameter ${unknown}`);
    const [instance = ""] = body.InstanceIds;
    const host = this.hosts.get(instance);
    if (host === undefined || this.gone.has(instance))
      return refusal("InvalidInstanceId", "Instances not in a valid state");
    const id = crypto.randomUUID();
    const invocation: Invocation = { host, polls: 0, status: "InProgress", output: "", errors: "" };
    this.#invocations.set(id, invocation);
    if (!host.hangs && !host.away) {
      const ended = this.#execute(invocation, content, body.Parameters["BootId"]?.[0] ?? "").catch((error: unknown) => {
        Object.assign(invocation, { status: "Failed", errors: String(error) });
      });
      // SSM waits for none; a played host has answered by then, however slow this computer is.
      if (host instanceof PlayedHost) await ended;
    }
    return Response.json({ Command: { CommandId: id, DocumentName: body.DocumentName, Status: "Pending" } });
  }

  async #execute(invocation: Invocation, content: string, bootId: string): Promise<void> {
    const step = z.looseObject({ inputs: z.looseObject({ runCommand: z.array(z.string()) }) });
    const { mainSteps } = z.looseObject({ mainSteps: z.array(step) }).parse(parseJson(content));
    const lines = mainSteps.flatMap(({ inputs }) => inputs.runCommand);
    const { host } = invocation;
    const arn = [...this.#arns].find(([, each]) => each === host)?.[0] ?? "";
    const left = (await this.#tasks(arn)).filter(({ group }) => !this.daemons.has(group.slice("service:".length)));
    const ran = await host.run({ lines, bootId }, left.length);
    Object.assign(invocation, { status: ran.ok ? "Success" : "Failed", output: ran.output, errors: ran.errors });
  }

  #invocation(text: string): Response {
    const { CommandId } = z.object({ CommandId: z.string() }).parse(parseJson(text));
    const invocation = this.#invocations.get(CommandId);
    // As SSM does for a while after a command was sent.
    if (invocation === undefined || invocation.polls++ === 0) return refusal("InvocationDoesNotExist", "not yet");
    const { status, output, errors } = invocation;
    return Response.json({ CommandId, Status: status, StandardOutputContent: output, StandardErrorContent: errors });
  }
}

function refusal(type: string, message: string): Response {
  return Response.json({ __type: type, message }, { status: 400, headers: { "x-amzn-errortype": type } });
}
