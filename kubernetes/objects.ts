/** The kinds of Kubernetes' own objects that are used, with the members that are used. */
import { z } from "zod";
import { metadata, type Resource } from "./resource.ts";

/** Members that the API leaves out, or sends as null, when they are empty. */
const list = <Item extends z.ZodType>(item: Item) =>
  z
    .array(item)
    .nullish()
    .transform((items) => items ?? []);

const taint = z.object({ key: z.string(), value: z.string().optional(), effect: z.string() });
const nodeCondition = z.object({
  type: z.string(),
  status: z.string(),
  message: z.string().optional(),
  lastHeartbeatTime: z.string().nullish(),
  lastTransitionTime: z.string().nullish(),
});
/** Who changed which field last, of which only one is used. Source: apimachinery `ManagedFieldsEntry`. */
const managedFields = z.object({
  manager: z.string().default(""),
  fieldsV1: z.object({ "f:spec": z.record(z.string(), z.unknown()).optional() }).nullish(),
});
const nodeOnTheWire = z.object({
  metadata: metadata.extend({ managedFields: list(managedFields) }),
  spec: z
    .object({ unschedulable: z.boolean().default(false), taints: list(taint) })
    .default({ unschedulable: false, taints: [] }),
  status: z
    .object({ conditions: list(nodeCondition), nodeInfo: z.object({ bootID: z.string().default("") }).optional() })
    .default({ conditions: [] }),
});
export const node = nodeOnTheWire.transform(({ metadata: { managedFields: fields, ...kept }, spec, status }) => ({
  metadata: kept,
  spec,
  status,
  /** The field manager that set `spec.unschedulable` last; undefined when nobody did. */
  cordonedBy: fields.find(({ fieldsV1 }) => fieldsV1?.["f:spec"]?.["f:unschedulable"] !== undefined)?.manager,
}));
export type NodeObject = z.output<typeof node>;
export const nodes: Resource<NodeObject> = { api: "/api/v1", plural: "nodes", schema: node };

const owner = z.object({
  kind: z.string(),
  name: z.string(),
  uid: z.string().default(""),
  controller: z.boolean().default(false),
});
const phase = z.enum(["Pending", "Running", "Succeeded", "Failed", "Unknown"]);
const podCondition = z.object({ type: z.string(), status: z.string() });
const pod = z.object({
  metadata: metadata.extend({ ownerReferences: list(owner), deletionGracePeriodSeconds: z.number().optional() }),
  spec: z.object({ nodeName: z.string().default("") }),
  status: z
    .object({ phase: phase.default("Pending"), conditions: list(podCondition) })
    .default({ phase: "Pending", conditions: [] }),
});
export type Pod = z.output<typeof pod>;
export const pods: Resource<Pod> = { api: "/api/v1", plural: "pods", schema: pod };

const volumeAttachment = z.object({
  metadata,
  spec: z.object({
    nodeName: z.string(),
    source: z.object({ persistentVolumeName: z.string().optional() }).default({}),
  }),
});
export type VolumeAttachment = z.output<typeof volumeAttachment>;
export const volumeAttachments: Resource<VolumeAttachment> = {
  api: "/apis/storage.k8s.io/v1",
  plural: "volumeattachments",
  schema: volumeAttachment,
};

const daemonSet = z.object({
  metadata,
  status: z
    .object({ desiredNumberScheduled: z.number().default(0), numberUnavailable: z.number().default(0) })
    .default({ desiredNumberScheduled: 0, numberUnavailable: 0 }),
});
export type DaemonSet = z.output<typeof daemonSet>;
export const daemonSets: Resource<DaemonSet> = { api: "/apis/apps/v1", plural: "daemonsets", schema: daemonSet };

const lease = z.object({
  metadata,
  spec: z
    .object({
      holderIdentity: z.string().nullish(),
      leaseDurationSeconds: z.number().nullish(),
      leaseTransitions: z.number().nullish(),
      acquireTime: z.string().nullish(),
      renewTime: z.string().nullish(),
    })
    .default({}),
});
export type Lease = z.output<typeof lease>;
export const leases: Resource<Lease> = { api: "/apis/coordination.k8s.io/v1", plural: "leases", schema: lease };

const event = z.object({
  metadata,
  involvedObject: z.object({ kind: z.string().default(""), name: z.string().default("") }),
  reason: z.string().default(""),
  message: z.string().default(""),
  type: z.string().default(""),
  lastTimestamp: z.string().nullish(),
});
export type EventObject = z.output<typeof event>;
export const events: Resource<EventObject> = { api: "/api/v1", plural: "events", schema: event };

export function isReady({ status: { conditions } }: { status: { conditions: { type: string; status: string }[] } }) {
  return conditions.some(({ type, status }) => type === "Ready" && status === "True");
}
