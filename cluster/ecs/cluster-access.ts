/** The calls of AWS that the updater of a cluster makes. */
import {
  type ContainerInstance,
  DescribeContainerInstancesCommand,
  ECSClient,
  paginateListContainerInstances,
} from "@aws-sdk/client-ecs";
import { SSMClient } from "@aws-sdk/client-ssm";
import { defined } from "../../lib/defined.ts";

export type ClusterAccess = {
  /** Name or ARN. */
  cluster: string;
  ecs: ECSClient;
  ssm: SSMClient;
};

/** Calls that are throttled are made again, each time later. */
const mostAttempts = 10;

/** Credentials are those of the task that this runs in, or of whoever runs it. */
export function accessTo(cluster: string, { region, endpoint }: { region?: string; endpoint?: string }): ClusterAccess {
  const config = { ...defined({ region, endpoint }), maxAttempts: mostAttempts };
  return { cluster, ecs: new ECSClient(config), ssm: new SSMClient(config) };
}

/** Describe calls take so many. */
export const mostDescribed = 100;

/** Container instances of the cluster that match a filter of the cluster query language. */
export async function instancesOf(
  { ecs, cluster }: ClusterAccess,
  filter: string,
  signal: AbortSignal,
): Promise<ContainerInstance[]> {
  const instances: ContainerInstance[] = [];
  const pages = paginateListContainerInstances({ client: ecs, pageSize: mostDescribed }, { cluster, filter });
  for await (const { containerInstanceArns = [] } of pages) {
    signal.throwIfAborted();
    if (containerInstanceArns.length > 0) {
      instances.push(...(await describedInstances({ ecs, cluster }, containerInstanceArns, signal)));
    }
  }
  return instances;
}

/** Those that are still there. */
export async function describedInstances(
  { ecs, cluster }: Pick<ClusterAccess, "ecs" | "cluster">,
  containerInstances: string[],
  signal: AbortSignal,
): Promise<ContainerInstance[]> {
  const { containerInstances: found = [] } = await ecs.send(
    new DescribeContainerInstancesCommand({ cluster, containerInstances }),
    { abortSignal: signal },
  );
  return found.filter(({ status }) => status !== "INACTIVE");
}

/** The name of an error, such as "InvocationDoesNotExist"; undefined for what did not come from AWS. */
export function awsErrorName(error: unknown): string | undefined {
  return error instanceof Error && "$metadata" in error ? error.name : undefined;
}
