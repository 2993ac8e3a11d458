/** The tasks of an instance that is drained, as the roll-out knows pods, and why they do not leave. */
import {
  DescribeServicesCommand,
  DescribeTasksCommand,
  paginateListTasks,
  type Service,
  StopTaskCommand,
  type Task,
} from "@aws-sdk/client-ecs";
import type { NodePod } from "../../api/fleet/node-pods.ts";
import type { Drain, EvictionAnswer } from "../roll-out/snapshot.ts";
import { type ClusterAccess, mostDescribed } from "./cluster-access.ts";
import type { StandaloneTasks } from "./ecs-policy.ts";

/** `startedBy` of tasks that a service started begins so; `group` is "service:NAME". */
const byService = "service:";
const mostServices = 10;
/** What services say of a drain that their own rules hold up. */
const hindrance = /unable to|was not able|has reached|does not have/i;

export async function tasksOn({ ecs, cluster }: ClusterAccess, instance: string, signal: AbortSignal): Promise<Task[]> {
  const tasks: Task[] = [];
  for (const desiredStatus of ["RUNNING", "STOPPED"] as const) {
    const pages = paginateListTasks(
      { client: ecs, pageSize: mostDescribed },
      { cluster, containerInstance: instance, desiredStatus },
    );
    for await (const { taskArns = [] } of pages) {
      if (taskArns.length === 0) continue;
      const { tasks: found = [] } = await ecs.send(new DescribeTasksCommand({ cluster, tasks: taskArns }), {
        abortSignal: signal,
      });
      tasks.push(...found.filter(({ lastStatus }) => lastStatus !== "STOPPED"));
    }
  }
  return tasks;
}

export const isStandalone = ({ group }: Task): boolean => group?.startsWith(byService) !== true;
const serviceOf = ({ group = "" }: Task): string => group.slice(byService.length);
export const idOf = ({ taskArn = "" }: Task): string => taskArn.slice(taskArn.lastIndexOf("/") + 1);

/** @param since when the drain began: older events of services are about something else */
export async function drainOf(
  access: ClusterAccess,
  instance: string,
  { standalone, since }: { standalone: StandaloneTasks; since: Date },
  signal: AbortSignal,
): Promise<Drain> {
  const tasks = await tasksOn(access, instance, signal);
  const names = [...new Set(tasks.filter((task) => !isStandalone(task)).map(serviceOf))];
  const services = await servicesNamed(access, names, signal);
  const evictions = new Map<string, EvictionAnswer>();
  for (const task of tasks) {
    const answer = isStandalone(task)
      ? standaloneAnswer(standalone, since)
      : serviceAnswer(services.get(serviceOf(task)), since);
    if (answer !== undefined) evictions.set(task.taskArn ?? "", answer);
  }
  return { pods: tasks.map((task) => podOf(task, services)), volumes: [], evictions };
}

/** Tasks that nobody waits for: those that a daemon service runs on every instance. */
function podOf(task: Task, services: ReadonlyMap<string, Service>): NodePod {
  const { taskArn = "", desiredStatus, stoppingAt } = task;
  const isDaemon = !isStandalone(task) && services.get(serviceOf(task))?.schedulingStrategy === "DAEMON";
  return {
    namespace: task.group ?? "task",
    name: idOf(task),
    uid: taskArn,
    phase: "Running",
    owner: isDaemon ? { kind: "DaemonSet", uid: serviceOf(task) } : undefined,
    mirror: false,
    stays: false,
    deletedAt: desiredStatus === "STOPPED" ? stoppingAt : undefined,
  };
}

/** ECS stops the tasks of services itself. */
function serviceAnswer(service: Service | undefined, since: Date): EvictionAnswer {
  const event = service?.events?.find(
    ({ createdAt, message }) => createdAt !== undefined && createdAt >= since && hindrance.test(message ?? ""),
  );
  return event?.message === undefined ? { kind: "accepted", at: since } : refused(event.message, since);
}

/** Undefined when it is to be stopped. */
function standaloneAnswer(rule: StandaloneTasks, since: Date): EvictionAnswer | undefined {
  return rule === "stop" ? undefined : refused("no service started it, and the policy does not stop it", since);
}

function refused(reason: string, since: Date): EvictionAnswer {
  return { kind: "refused", reason, budget: undefined, since, retryAt: new Date(8.64e15) };
}

async function servicesNamed(
  { ecs, cluster }: ClusterAccess,
  names: readonly string[],
  signal: AbortSignal,
): Promise<Map<string, Service>> {
  const known = new Map<string, Service>();
  for (let at = 0; at < names.length; at += mostServices) {
    const { services = [] } = await ecs.send(
      new DescribeServicesCommand({ cluster, services: names.slice(at, at + mostServices) }),
      { abortSignal: signal },
    );
    for (const service of services) known.set(service.serviceName ?? "", service);
  }
  return known;
}

export async function stopTask(
  { ecs, cluster }: ClusterAccess,
  task: string,
  reason: string,
  signal: AbortSignal,
): Promise<void> {
  await ecs.send(new StopTaskCommand({ cluster, task, reason }), { abortSignal: signal });
}
