/** Protects: a cluster is brought to a new version by the calls of AWS, one instance after the other, and by nothing that is not ours. */
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import {
  CreateClusterCommand,
  CreateServiceCommand,
  DescribeContainerInstancesCommand,
  RegisterContainerInstanceCommand,
  RegisterTaskDefinitionCommand,
  StartTaskCommand,
  UpdateContainerInstancesStateCommand,
} from "@aws-sdk/client-ecs";
import { EC2Client, RunInstancesCommand } from "@aws-sdk/client-ec2";
import { CreateDocumentCommand, GetParametersCommand, PutParameterCommand } from "@aws-sdk/client-ssm";
import { machineClock } from "../../lib/clock.ts";
import { clusterName, EcsWorld } from "../../test/worlds/ecs/ecs-world.ts";
import type { PlayedHost } from "../../test/worlds/ecs/played-host.ts";
import { updaterRights } from "../../test/worlds/ecs/updater-rights.ts";
import { accessTo, type ClusterAccess } from "./cluster-access.ts";
import { readClusterPolicy } from "./ecs-policy.ts";
import type { Documents } from "./hosts.ts";
import { attributeNames } from "./instance-marks.ts";
import { parameterName } from "./roll-out-halt.ts";
import { earlierTask, ownTask } from "./sole-updater.ts";
import { documentKinds, documentNames, documents } from "./stack/documents.ts";
import { type Outcome, ClusterUpdater } from "./updater.ts";

let world: EcsWorld;
let access: ClusterAccess;
let arns: Map<string, string>;
let lines: string[];

beforeAll(async () => {
  world = await EcsWorld.start();
}, 180_000);
afterAll(async () => await world[Symbol.asyncDispose]());
beforeEach(async () => {
  await world.reset();
  access = accessTo(clusterName, { region: "eu-west-1", endpoint: world.url });
  arns = new Map();
  lines = [];
  await access.ecs.send(new CreateClusterCommand({ clusterName }));
  for (const kind of documentKinds) {
    await access.ssm.send(
      new CreateDocumentCommand({
        Name: documentNames[kind],
        Content: JSON.stringify(documents[kind]),
        DocumentType: "Command",
      }),
    );
  }
  await access.ecs.send(
    new RegisterTaskDefinitionCommand({
      family: "web",
      containerDefinitions: [{ name: "web", image: "registry.example.com/web:1", memory: 64 }],
    }),
  );
});

/** Instances that registered, each with a task of the service `web`. */
async function hosts(count: number): Promise<PlayedHost[]> {
  const ec2 = new EC2Client({ region: "eu-west-1", endpoint: world.url });
  const { Instances = [] } = await ec2.send(
    new RunInstancesCommand({ ImageId: "ami-12c6146b", MinCount: count, MaxCount: count }),
  );
  const played: PlayedHost[] = [];
  for (const { InstanceId = "" } of Instances) {
    const { containerInstance } = await access.ecs.send(
      new RegisterContainerInstanceCommand({
        cluster: clusterName,
        instanceIdentityDocument: JSON.stringify({ instanceId: InstanceId }),
        attributes: [{ name: "orlop.variant", value: "aws-ecs-1" }],
      }),
    );
    const arn = containerInstance?.containerInstanceArn ?? "";
    arns.set(InstanceId, arn);
    played.push(world.addHost(InstanceId, arn));
    await startTask(InstanceId, "service:web");
  }
  return played.toSorted((a, b) => (a.instance < b.instance ? -1 : 1));
}

async function startTask(instance: string, group: string): Promise<void> {
  await access.ecs.send(
    new StartTaskCommand({
      cluster: clusterName,
      taskDefinition: "web",
      containerInstances: [arns.get(instance) ?? ""],
      group,
      startedBy: group.startsWith("service:") ? "ecs-svc/1" : "somebody",
    }),
  );
}

async function service(name: string): Promise<void> {
  await access.ecs.send(
    new CreateServiceCommand({ cluster: clusterName, serviceName: name, taskDefinition: "web", desiredCount: 1 }),
  );
}

async function update(
  policy: object = {},
  signal = AbortSignal.timeout(100_000),
  named: Documents = documentNames,
): Promise<Outcome> {
  const text = JSON.stringify({ soak: { seconds: 0 }, order: { canaries: 0 }, ...policy });
  const updater = new ClusterUpdater(
    {
      access,
      policy: readClusterPolicy(text),
      documents: named,
      clock: machineClock,
      pace: { passMs: 10, pollMs: 5, answerMs: 5_000 },
      log: (line) => void lines.push(line),
    },
    signal,
  );
  return await updater.run();
}

async function instance(id: string) {
  const { containerInstances = [] } = await access.ecs.send(
    new DescribeContainerInstancesCommand({ cluster: clusterName, containerInstances: [arns.get(id) ?? ""] }),
  );
  return containerInstances[0];
}

async function marksLeft(id: string): Promise<string[]> {
  const ours = [attributeNames.claim, attributeNames.order, attributeNames.failed];
  return ((await instance(id))?.attributes ?? []).flatMap(({ name = "" }) =>
    ours.some((each) => each === name) ? [name] : [],
  );
}

const versions = (played: readonly PlayedHost[]): string[] => played.map(({ version }) => version);

test("all instances are brought to the new version one after the other, drained, and serve again", async () => {
  const played = await hosts(3);
  world.leaving = "after three looks";
  expect(await update()).toEqual({ kind: "rest" });
  expect(versions(played)).toEqual(["1.1.0", "1.1.0", "1.1.0"]);
  expect(world.mostDraining).toBe(1);
  for (const { instance: id, reboots, tasksAtReboot } of played) {
    expect({ reboots, tasksAtReboot }).toEqual({ reboots: 1, tasksAtReboot: [0] });
    expect((await instance(id))?.status).toBe("ACTIVE");
    expect(await marksLeft(id)).toEqual([]);
  }
  expect(await update()).toEqual({ kind: "rest" });
  expect(played.map(({ reboots }) => reboots)).toEqual([1, 1, 1]);
}, 120_000);

test("a host that goes back halts the roll-out, with its reason, until a person says that it goes on", async () => {
  const played = await hosts(3);
  const [first, second] = played;
  if (second !== undefined) second.fate = "goes back";
  expect(await update()).toMatchObject({
    kind: "halted",
    reason: expect.stringMatching(/^i-\w+ failed with 1\.1\.0: went back to 1\.0\.0: not healthy after 120 s: docker/),
  });
  expect(versions(played)).toEqual(["1.1.0", "1.0.0", "1.0.0"]);
  for (const { instance: id } of played) expect((await instance(id))?.status).toBe("ACTIVE");
  // Another run begins nothing.
  expect(await update()).toMatchObject({ kind: "halted" });
  expect(versions(played)).toEqual(["1.1.0", "1.0.0", "1.0.0"]);
  const { Parameters } = await access.ssm.send(
    new GetParametersCommand({ Names: [parameterName(clusterName, "halted")] }),
  );
  const id = /"id":"(\w+)"/.exec(Parameters?.[0]?.Value ?? "")?.[1] ?? "";
  await access.ssm.send(
    new PutParameterCommand({ Name: parameterName(clusterName, "resume"), Value: id, Type: "String" }),
  );
  expect(await update()).toEqual({ kind: "rest" });
  expect(versions(played)).toEqual(["1.1.0", "1.0.0", "1.1.0"]);
  expect(first?.reboots).toBe(1);
}, 240_000);

test("a host that does not come back halts the roll-out, and stays drained", async () => {
  const [host] = await hosts(1);
  if (host !== undefined) host.fate = "never comes back";
  expect(await update({ reboot: { timeout: "8s" } })).toMatchObject({
    kind: "halted",
    reason: expect.stringContaining("has not come back"),
  });
  expect((await instance(host?.instance ?? ""))?.status).toBe("DRAINING");
}, 120_000);

test("what somebody else drained is left alone", async () => {
  const [host] = await hosts(1);
  const id = host?.instance ?? "";
  await access.ecs.send(
    new UpdateContainerInstancesStateCommand({
      cluster: clusterName,
      containerInstances: [arns.get(id) ?? ""],
      status: "DRAINING",
    }),
  );
  world.states.splice(0);
  expect(await update()).toEqual({ kind: "rest" });
  expect(world.states).toEqual([]);
  expect(host?.reboots).toBe(0);
  expect(lines).toContain(`${id} is left alone: somebody else has drained it (ACTIVE lets it go on)`);
}, 120_000);

test("a drain that does not end is given back, with what the service tells", async () => {
  const [host] = await hosts(1);
  await service("web");
  world.leaving = "never";
  world.serviceEvent = "(service web) was unable to stop tasks because of minimumHealthyPercent.";
  expect(await update({ drain: { timeout: "1s" } })).toEqual({ kind: "rest" });
  const id = host?.instance ?? "";
  expect(world.states).toEqual([`${id} DRAINING`, `${id} ACTIVE`]);
  expect(host?.reboots).toBe(0);
  expect(lines.join("\n")).toContain("was unable to stop tasks because of minimumHealthyPercent");
}, 120_000);

test("tasks that no service started keep an instance from being drained, are waited for, or stopped", async () => {
  const [host] = await hosts(1);
  const id = host?.instance ?? "";
  await startTask(id, "family:batch");
  expect(await update()).toEqual({ kind: "rest" });
  expect(world.states).toEqual([]);
  expect(lines.join("\n")).toContain("no service started its task");
  expect(await update({ drain: { standalone: "wait", timeout: "1s", retryAfter: "1s" } })).toEqual({ kind: "rest" });
  expect(host?.reboots).toBe(0);
  await machineClock.sleep(1_100);
  expect(await update({ drain: { standalone: "stop" } })).toEqual({ kind: "rest" });
  expect({ version: host?.version, tasks: host?.tasksAtReboot }).toEqual({ version: "1.1.0", tasks: [0] });
}, 120_000);

test("tasks of daemon services are not waited for", async () => {
  const [host] = await hosts(1);
  await service("agent");
  world.daemons.add("agent");
  await startTask(host?.instance ?? "", "service:agent");
  expect(await update()).toEqual({ kind: "rest" });
  expect(host?.version).toBe("1.1.0");
}, 120_000);

test("throttled calls are made again, commands that hang end, and instances that vanish are done with", async () => {
  const [stuck, terminated, good] = await hosts(3);
  for (const call of ["ecs UpdateContainerInstancesState", "ssm SendCommand", "ecs PutAttributes"]) {
    world.throttled.set(call, 2);
  }
  if (stuck !== undefined) stuck.hangs = true;
  if (terminated !== undefined) {
    const reboot = terminated.run.bind(terminated);
    terminated.run = async (command, left) => {
      if (command.lines.at(-1) === "apiclient update apply") world.gone.add(terminated.instance);
      return await reboot(command, left);
    };
  }
  expect(await update()).toEqual({ kind: "rest" });
  expect(good?.version).toBe("1.1.0");
  expect(lines.join("\n")).toContain(`${stuck?.instance} does not answer: Orlop-UpdateCheck did not end within`);
  expect(world.calls).toContain("ssm CancelCommand");
}, 120_000);

test("an update that cannot be applied is given back with its reason, without a reboot", async () => {
  const [host] = await hosts(1);
  if (host !== undefined) host.applyFailure = "cannot prepare the update: the mirror answers 503";
  expect(await update({ reboot: { timeout: "5s" } })).toEqual({ kind: "rest" });
  expect(host?.reboots).toBe(0);
  expect((await instance(host?.instance ?? ""))?.status).toBe("ACTIVE");
  expect(lines.join("\n")).toContain("the mirror answers 503");
}, 120_000);

test("a run that was broken off anywhere is gone on with by the next, and no host reboots twice", async () => {
  const played = await hosts(2);
  for (let at = 0; at < 12; at++) {
    const short = AbortSignal.timeout(60 + at * 20);
    await update({}, short).catch(() => undefined);
  }
  expect(await update()).toEqual({ kind: "rest" });
  expect(versions(played)).toEqual(["1.1.0", "1.1.0"]);
  expect(played.map(({ reboots }) => reboots)).toEqual([1, 1]);
}, 240_000);

test("the documents of Bottlerocket's updater do as well as ours", async () => {
  const [host] = await hosts(1);
  // As its stack has them. Source: bottlerocket-ecs-updater, stacks/bottlerocket-ecs-updater.yaml
  const theirs = { check: "update check", apply: "update apply", reboot: "reboot" } as const;
  for (const [kind, verb] of Object.entries(theirs)) {
    const inputs = { timeoutSeconds: "1800", runCommand: [`apiclient ${verb}`] };
    const precondition = { StringEquals: ["platformType", "Linux"] };
    const content = {
      schemaVersion: "2.2",
      description: `Bottlerocket - ${verb}`,
      mainSteps: [{ name: kind, action: "aws:runShellScript", precondition, inputs }],
    };
    await access.ssm.send(
      new CreateDocumentCommand({
        Name: `updater-${kind}`,
        Content: JSON.stringify(content),
        DocumentType: "Command",
        DocumentFormat: "JSON",
      }),
    );
  }
  const named = { ...documentNames, check: "updater-check", apply: "updater-apply", reboot: "updater-reboot" };
  expect(await update({}, undefined, named), lines.join("\n")).toEqual({ kind: "rest" });
  expect({ version: host?.version, reboots: host?.reboots }).toEqual({ version: "1.1.0", reboots: 1 });
}, 120_000);

test("of updaters that run beside each other, the oldest task goes on", async () => {
  const [host] = await hosts(1);
  const id = host?.instance ?? "";
  await access.ecs.send(
    new RegisterTaskDefinitionCommand({
      family: "updater",
      containerDefinitions: [{ name: "updater", image: "registry.example.com/updater:1", memory: 64 }],
    }),
  );
  const start = async (): Promise<string> => {
    const { tasks = [] } = await access.ecs.send(
      new StartTaskCommand({
        cluster: clusterName,
        taskDefinition: "updater",
        containerInstances: [arns.get(id) ?? ""],
      }),
    );
    return tasks[0]?.taskArn ?? "";
  };
  const first = await start();
  await machineClock.sleep(2);
  const second = await start();
  const answers = async (arn: string) => {
    using metadata = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: ({ url }) =>
        new URL(url).pathname === "/v4/id/task"
          ? Response.json({ Cluster: clusterName, TaskARN: arn, Family: "updater", Revision: "1" })
          : new Response("", { status: 404 }),
    });
    const signal = AbortSignal.timeout(60_000);
    return await earlierTask(access.ecs, await ownTask(`${metadata.url.href}v4/id`, fetch, signal), signal);
  };
  expect(await answers(first)).toBeUndefined();
  expect(await answers(second)).toBe(first);
}, 120_000);

// The last one: it looks back at all of them.
test("every call that the updater has a right to was made above", async () => {
  const rights = await updaterRights();
  expect(rights.length).toBeGreaterThan(10);
  expect(rights.filter((right) => !world.everCalled.has(right.replace(":", " ")))).toEqual([]);
});
