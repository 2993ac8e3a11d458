/** A fleet on Kubernetes as it stands now, for who only looks: nothing is written, evictions are dry runs. */
import type { KubernetesClient } from "../../kubernetes/client.ts";
import { evict, evictionVersion, serverMinor } from "../../kubernetes/eviction.ts";
import { podsOn } from "../../kubernetes/node-pods.ts";
import { recordedEvents, type RecordedEvent } from "../../kubernetes/events.ts";
import { type NodeObject, nodes, volumeAttachments } from "../../kubernetes/objects.ts";
import { mayStay, type NodePod } from "../../api/fleet/node-pods.ts";
import type { Drain, EvictionAnswer, Snapshot } from "../roll-out/snapshot.ts";
import { nodesOf, Owners } from "./fleet-nodes.ts";
import { fleetPolicies, type PolicyObject, readPolicy } from "./policy-object.ts";

export type FleetView = {
  snapshots: Snapshot[];
  /** Policies that cannot be read, and why. */
  invalid: { name: string; reason: string }[];
};

export async function readFleet(client: KubernetesClient, signal: AbortSignal): Promise<FleetView> {
  const { items } = await client.list(fleetPolicies, {}, signal);
  const all = (await client.list(nodes, {}, signal)).items;
  const view = fleetViewOf(items, all);
  return { ...view, snapshots: await withDrains(client, view.snapshots, signal) };
}

/** Without what is known of pods: nothing is asked. */
export function fleetViewOf(objects: readonly PolicyObject[], all: readonly NodeObject[]): FleetView {
  const policies = objects.flatMap((object) => {
    const read = readPolicy(object);
    return "policy" in read ? [read.policy] : [];
  });
  const owners = new Owners(policies);
  return {
    snapshots: policies.map((policy) => {
      const own = nodesOf(policy, all, owners);
      return { policy, nodes: own, drains: new Map(), gates: new Map(), gone: new Set(), self: undefined };
    }),
    invalid: invalidOf(objects),
  };
}

/** Policies that cannot be read, and why. */
export function invalidOf(objects: readonly PolicyObject[]): FleetView["invalid"] {
  return objects.flatMap((object) => {
    const read = readPolicy(object);
    return "invalid" in read ? [{ name: object.metadata.name, reason: read.invalid }] : [];
  });
}

/** With what keeps pods on the nodes that are drained. */
export async function withDrains(
  client: KubernetesClient,
  snapshots: readonly Snapshot[],
  signal: AbortSignal,
): Promise<Snapshot[]> {
  const named: Snapshot[] = [];
  for (const snapshot of snapshots) {
    const draining = snapshot.nodes.filter(({ marks }) => marks.step === "Draining").map(({ name }) => name);
    named.push({ ...snapshot, drains: await readDrains(client, draining, signal) });
  }
  return named;
}

/** What the operator did and noticed, the newest last; the cluster keeps events for an hour, unless told otherwise. */
export async function fleetHistory(client: KubernetesClient, signal: AbortSignal): Promise<RecordedEvent[]> {
  return await recordedEvents(client, signal);
}

async function readDrains(
  client: KubernetesClient,
  names: readonly string[],
  signal: AbortSignal,
): Promise<Map<string, Drain>> {
  const drains = new Map<string, Drain>();
  if (names.length === 0) return drains;
  const version = evictionVersion(await serverMinor(client, signal));
  const attached = (await client.list(volumeAttachments, {}, signal)).items;
  for (const name of names) {
    const pods = await podsOn(client, name, signal);
    const evictions = new Map<string, EvictionAnswer>();
    for (const pod of pods.filter((each) => !mayStay(each))) {
      const answer = await refusalOf(client, pod, version, signal);
      if (answer !== undefined) evictions.set(pod.uid, answer);
    }
    const volumes = attached
      .filter(({ spec }) => spec.nodeName === name)
      .map(({ metadata, spec }) => spec.source.persistentVolumeName ?? metadata.name);
    drains.set(name, { pods, volumes, evictions });
  }
  return drains;
}

async function refusalOf(
  client: KubernetesClient,
  pod: NodePod,
  version: ReturnType<typeof evictionVersion>,
  signal: AbortSignal,
): Promise<EvictionAnswer | undefined> {
  const answer = await evict(client, pod, { version, dryRun: true }, signal);
  if (answer.kind === "accepted" || answer.kind === "gone") return undefined;
  const now = client.connection.clock.now();
  const budget = answer.kind === "blocked" ? answer.budget : undefined;
  return { kind: "refused", reason: answer.reason, budget, since: now, retryAt: now };
}
