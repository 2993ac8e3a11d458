/**
 * Events about objects of a cluster, as `kubectl describe` and `kubectl get events` show them.
 *
 * Those about Nodes are in the namespace `default` with the name for uid, as kubelet writes them.
 */
import type { KubernetesClient } from "./client.ts";
import { type EventObject, events } from "./objects.ts";

export type RecordedEvent = { at: string; kind: string; name: string; reason: string; message: string };

export type ClusterEvent = {
  about: { apiVersion: string; kind: string; name: string; uid: string };
  type: "Normal" | "Warning";
  /** One word in camel case, for filters: "Draining" */
  reason: string;
  /** A sentence for people. */
  message: string;
};

const component = "orlop-fleet";
const longestText = 1000;

export async function recordEvent(
  client: KubernetesClient,
  { about, type, reason, message }: ClusterEvent,
  signal: AbortSignal,
): Promise<void> {
  const now = client.connection.clock.now().toISOString();
  const namespace = "default";
  const name = `${about.name.slice(0, 200)}.${crypto.randomUUID().slice(0, 13)}`;
  const content = {
    metadata: { name, namespace },
    involvedObject: { ...about, uid: about.kind === "Node" ? about.name : about.uid },
    type,
    reason,
    message: message.slice(0, longestText),
    source: { component },
    reportingComponent: component,
    firstTimestamp: now,
    lastTimestamp: now,
    count: 1,
  };
  await client.create(events, { name, namespace, content }, signal);
}

/** Which events `recordEvent` writes. */
export const recordedQuery = { namespace: "default", fieldSelector: `source=${component}` } as const;

/** Those that `recordEvent` wrote and the cluster still has, the newest last. */
export async function recordedEvents(client: KubernetesClient, signal: AbortSignal): Promise<RecordedEvent[]> {
  return inOrder((await client.list(events, recordedQuery, signal)).items);
}

/** The newest last. */
export function inOrder(items: Iterable<EventObject>): RecordedEvent[] {
  return [...items]
    .map(({ involvedObject: { kind, name }, reason, message, lastTimestamp, metadata }) => {
      return { at: lastTimestamp ?? metadata.creationTimestamp ?? "", kind, name, reason, message };
    })
    .toSorted((a, b) => (a.at < b.at ? -1 : 1));
}
