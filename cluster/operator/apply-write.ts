/** Does what the roll-out decided: one request for each write, which holds only for the object as it was read. */
import { startingTaint } from "../../api/fleet/annotations.ts";
import type { Cache } from "../../kubernetes/cache.ts";
import type { KubernetesClient } from "../../kubernetes/client.ts";
import { type ClusterEvent, recordEvent } from "../../kubernetes/events.ts";
import { type NodeObject, nodes } from "../../kubernetes/objects.ts";
import { unreachable } from "../../lib/failure.ts";
import type { FleetPolicy } from "../policy/fleet-policy.ts";
import { patchOf } from "../roll-out/marks.ts";
import type { FleetNode } from "../roll-out/snapshot.ts";
import type { EventReason, Write } from "../roll-out/write.ts";
import type { Drains } from "./drains.ts";
import type { UpdateDurations } from "./metrics/update-durations.ts";
import { fieldManager } from "./fleet-nodes.ts";
import { finalizer, fleetPolicies, groupVersion, type PolicyObject } from "./policy-object.ts";

export type WriteTools = {
  client: KubernetesClient;
  nodes: Cache<NodeObject>;
  policies: Cache<PolicyObject>;
  drains: Drains;
  durations: UpdateDurations;
};

/** What people should look at. */
const warnings: readonly EventReason[] = ["GivenBack", "Failed", "Halted", "RollingBack"];

/** What tells nobody anything: an event costs as much as the write. */
const untold: readonly EventReason[] = ["Tidied"];

/** False when somebody had written before: then the object was read anew, and is judged anew. */
export async function applyWrite(
  tools: WriteTools,
  policy: FleetPolicy,
  write: Write,
  signal: AbortSignal,
): Promise<boolean> {
  switch (write.kind) {
    case "node":
      return await changeNode(tools, write, signal);
    case "ledger":
      return await changeLedger(tools, policy, write, signal);
    case "evict":
      await tools.drains.evict(write.node.name, write.pod, signal);
      return true;
    case "finalizer":
      return await changeFinalizers(tools, policy, write.present, signal);
    default:
      return unreachable(write);
  }
}

async function changeNode(tools: WriteTools, write: Extract<Write, { kind: "node" }>, signal: AbortSignal) {
  const { client, nodes: cache, durations } = tools;
  const { name, resourceVersion } = write.node;
  const { metadata, spec } = patchOf(write.change);
  const before = cache.get(name);
  const patch = {
    metadata: { ...metadata, resourceVersion },
    spec: { ...spec, ...(write.change.started === true ? { taints: taintsWithout(before) } : {}) },
  };
  const written = await client.patch(nodes, { name, fieldManager }, patch, signal);
  if (written.kind !== "written") {
    await cache.refresh(name, signal);
    return false;
  }
  durations.note(write, before, client.connection.clock.now());
  cache.take(written.object);
  await recordEventOf(client, nodeRef(write.node), write, signal);
  return true;
}

function taintsWithout(node: NodeObject | undefined): object[] {
  return (node?.spec.taints ?? []).filter(({ key }) => key !== startingTaint);
}

async function changeLedger(
  { client, policies }: WriteTools,
  policy: FleetPolicy,
  write: Extract<Write, { kind: "ledger" }>,
  signal: AbortSignal,
): Promise<boolean> {
  const { nextToken, claims, halted } = write.ledger;
  const patch = {
    metadata: { resourceVersion: policy.resourceVersion },
    status: { nextToken, claims, halted: halted ?? null },
  };
  const { name } = policy;
  const written = await client.patch(fleetPolicies, { name, subresource: "status", fieldManager }, patch, signal);
  if (written.kind !== "written") {
    await policies.refresh(name, signal);
    return false;
  }
  policies.take(written.object);
  await recordEventOf(client, policyRef(policy), write, signal);
  return true;
}

async function changeFinalizers(
  { client, policies }: WriteTools,
  { name, resourceVersion }: FleetPolicy,
  present: boolean,
  signal: AbortSignal,
): Promise<boolean> {
  const known = policies.get(name)?.metadata.finalizers ?? [];
  const finalizers = [...known.filter((each) => each !== finalizer), ...(present ? [finalizer] : [])];
  const patch = { metadata: { resourceVersion, finalizers } };
  const written = await client.patch(fleetPolicies, { name, fieldManager }, patch, signal);
  if (written.kind !== "written") {
    await policies.refresh(name, signal);
    return false;
  }
  // Without its last finalizer, a policy that is being deleted is gone; the watch tells.
  policies.take(written.object);
  return true;
}

type About = ClusterEvent["about"];

const nodeRef = ({ name, uid }: FleetNode): About => ({ apiVersion: "v1", kind: "Node", name, uid });
const policyRef = ({ name, uid }: FleetPolicy): About => ({ apiVersion: groupVersion, kind: "FleetPolicy", name, uid });

async function recordEventOf(
  client: KubernetesClient,
  about: About,
  { reason, note }: { reason: EventReason; note: string },
  signal: AbortSignal,
): Promise<void> {
  if (untold.includes(reason)) return;
  await recordEvent(
    client,
    { about, type: warnings.includes(reason) ? "Warning" : "Normal", reason, message: note },
    signal,
  );
}
