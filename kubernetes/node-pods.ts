/** The pods of a node: by what a host and the operator of its fleet decide whether the node is drained. */
import { staysLabel } from "../api/fleet/annotations.ts";
import type { NodePod } from "../api/fleet/node-pods.ts";
import type { KubernetesClient, Query } from "./client.ts";
import { type Pod, pods } from "./objects.ts";

export async function podsOn(client: KubernetesClient, nodeName: string, signal: AbortSignal): Promise<NodePod[]> {
  return await podsBy(client, { fieldSelector: `spec.nodeName=${nodeName}` }, signal);
}

/**
 * As the API server remembers them, which may be some time ago; it has them by node, and reads no others. For who asks
 * again and again: fresh ones are read from etcd, all of the cluster for each answer.
 */
export async function rememberedPodsOn(
  client: KubernetesClient,
  nodeName: string,
  signal: AbortSignal,
): Promise<NodePod[]> {
  return await podsBy(client, { fieldSelector: `spec.nodeName=${nodeName}`, resourceVersion: "0" }, signal);
}

async function podsBy(client: KubernetesClient, query: Query, signal: AbortSignal): Promise<NodePod[]> {
  const { items } = await client.list(pods, query, signal);
  return items.map(nodePod);
}

function nodePod({ metadata, status }: Pod): NodePod {
  const { name, namespace = "", uid, annotations, labels, ownerReferences, deletionTimestamp } = metadata;
  const owner = ownerReferences.find(({ controller }) => controller);
  return {
    namespace,
    name,
    uid,
    phase: status.phase,
    owner: owner === undefined ? undefined : { kind: owner.kind, uid: owner.uid },
    mirror: annotations["kubernetes.io/config.mirror"] !== undefined,
    stays: labels[staysLabel] !== undefined,
    deletedAt: deletionTimestamp === undefined ? undefined : new Date(deletionTimestamp),
  };
}
