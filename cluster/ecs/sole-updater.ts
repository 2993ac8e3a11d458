/**
 * One updater of a cluster at a time. ECS has no compare-and-swap, but it lists the tasks of a family: of those that run
 * beside each other, the oldest goes on.
 *
 * Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4.html
 */
import { DescribeTasksCommand, type ECSClient, ListTasksCommand } from "@aws-sdk/client-ecs";
import { z } from "zod";
import { bytesOf } from "../../lib/files/http-body.ts";
import type { Fetch } from "../../lib/files/http-redirects.ts";
import { parseJson } from "../../lib/text/json.ts";

const limits = { mostBytes: 1024 * 1024, stallMs: 10_000 };
const OwnTask = z.object({ Cluster: z.string(), TaskARN: z.string(), Family: z.string() });

export type OwnTask = { cluster: string; arn: string; family: string };

/** @param metadata `ECS_CONTAINER_METADATA_URI_V4` */
export async function ownTask(metadata: string, fetch: Fetch, signal: AbortSignal): Promise<OwnTask> {
  const response = await fetch(new URL(`${metadata}/task`), { signal });
  const answer = parseJson((await bytesOf(response, "the task's metadata", limits)).toString());
  const { Cluster, TaskARN, Family } = OwnTask.parse(answer);
  return { cluster: Cluster, arn: TaskARN, family: Family };
}

/** The ARN of the task that goes before this one; undefined when this one is to go on. */
export async function earlierTask(ecs: ECSClient, own: OwnTask, signal: AbortSignal): Promise<string | undefined> {
  const { cluster, family } = own;
  const { taskArns = [] } = await ecs.send(new ListTasksCommand({ cluster, family, desiredStatus: "RUNNING" }), {
    abortSignal: signal,
  });
  if (taskArns.length === 0) return undefined;
  const { tasks = [] } = await ecs.send(new DescribeTasksCommand({ cluster, tasks: taskArns }), {
    abortSignal: signal,
  });
  const [first] = tasks
    .map(({ taskArn = "", createdAt = new Date(0) }) => ({ taskArn, createdAt }))
    .toSorted((a, b) => a.createdAt.getTime() - b.createdAt.getTime() || (a.taskArn < b.taskArn ? -1 : 1));
  return first === undefined || first.taskArn === own.arn ? undefined : first.taskArn;
}
