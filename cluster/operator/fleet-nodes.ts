/** Nodes of Kubernetes as the roll-out sees them. */
import { annotations, labels, startingTaint } from "../../api/fleet/annotations.ts";
import { HostReport } from "../../api/fleet/host-report.ts";
import { Order } from "../../api/fleet/order.ts";
import { noted } from "../../kubernetes/annotation.ts";
import type { NodeObject } from "../../kubernetes/objects.ts";
import type { FleetPolicy } from "../policy/fleet-policy.ts";
import { marksOf } from "../roll-out/marks.ts";
import type { FleetNode } from "../roll-out/snapshot.ts";

/** By which the API server notes what we write. */
export const fieldManager = "orlop-fleet";

/** Autoscalers mark so what they are about to take away. */
const leavingTaints = [
  "ToBeDeletedByClusterAutoscaler",
  "karpenter.sh/disrupted",
  "karpenter.sh/disruption",
  "node.cloudprovider.kubernetes.io/shutdown",
];

/** What of it depends on no policy is read once for each version of a Node. */
const read = new WeakMap<NodeObject, Omit<FleetNode, "selected" | "canary">>();

/** The nodes that a policy is about: all that it selects, that carry its marks, or that it has claims for. */
export function nodesOf(policy: FleetPolicy, all: Iterable<NodeObject>, owners: Owners): FleetNode[] {
  const claimed = new Set(policy.ledger.claims.map(({ uid }) => uid));
  const nodes: FleetNode[] = [];
  for (const object of all) {
    const node = readNode(object);
    const selected = owners.ownerOf(object)?.uid === policy.uid;
    if (!selected && node.marks.policy !== policy.uid && !claimed.has(node.uid)) continue;
    const canary = matches(policy.spec.order.canarySelector, object);
    nodes.push({ ...node, selected, canary });
  }
  return nodes;
}

/** Which policy a node follows, where several select it: the one that works on it, else the first by name. */
export class Owners {
  readonly #policies: readonly FleetPolicy[];

  constructor(policies: readonly FleetPolicy[]) {
    this.#policies = policies.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  ownerOf(object: NodeObject): FleetPolicy | undefined {
    const { marks, report } = readNode(object);
    const selecting = this.#policies.filter(({ spec: { nodeSelector } }) =>
      Object.keys(nodeSelector).length === 0 ? report !== undefined : matches(nodeSelector, object),
    );
    return selecting.find(({ uid }) => uid === marks.policy) ?? selecting[0];
  }
}

function matches(selector: Readonly<Record<string, string>>, { metadata }: NodeObject): boolean {
  return Object.entries(selector).every(([key, value]) => metadata.labels[key] === value);
}

function readNode(object: NodeObject): Omit<FleetNode, "selected" | "canary"> {
  const known = read.get(object);
  if (known !== undefined) return known;
  const { metadata, spec, status } = object;
  const ready = status.conditions.find(({ type }) => type === "Ready");
  const node = {
    name: metadata.name,
    uid: metadata.uid,
    resourceVersion: metadata.resourceVersion,
    createdAt: new Date(metadata.creationTimestamp ?? 0),
    zone: metadata.labels["topology.kubernetes.io/zone"] ?? "",
    ready: ready?.status === "True",
    readySince: new Date(ready?.lastTransitionTime ?? metadata.creationTimestamp ?? 0),
    kubeletBoot: status.nodeInfo?.bootID ?? "",
    cordon: cordonOf(object),
    leaving: metadata.deletionTimestamp !== undefined || spec.taints.some(({ key }) => leavingTaints.includes(key)),
    starting: spec.taints.some(({ key }) => key === startingTaint),
    offLoadBalancers: metadata.labels[labels.excludeFromLoadBalancers] !== undefined,
    report: noted(HostReport, metadata.annotations[annotations.report]),
    order: noted(Order, metadata.annotations[annotations.order]),
    marks: marksOf(metadata.labels, metadata.annotations),
  };
  read.set(object, node);
  return node;
}

/** A person who uncordons and cordons again leaves our annotation, and another field manager. */
function cordonOf({ metadata, spec, cordonedBy }: NodeObject): FleetNode["cordon"] {
  if (!spec.unschedulable) return "none";
  return metadata.annotations[annotations.cordoned] === "ours" && cordonedBy === fieldManager ? "ours" : "another's";
}
