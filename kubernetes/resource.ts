/** Kinds of objects in a cluster: where the API has them, and what of each is kept in memory. */
import { z } from "zod";

/** What every object has. Unknown members are dropped, managedFields first: they are half of an object. */
export const metadata = z.object({
  name: z.string(),
  namespace: z.string().optional(),
  uid: z.string().default(""),
  /** Grows with every write; those of one kind can be compared (Kubernetes enhancement 5504). */
  resourceVersion: z.string().default("0"),
  generation: z.number().optional(),
  creationTimestamp: z.string().optional(),
  deletionTimestamp: z.string().optional(),
  labels: z.record(z.string(), z.string()).default({}),
  annotations: z.record(z.string(), z.string()).default({}),
  finalizers: z.array(z.string()).default([]),
});
export type ObjectMeta = z.output<typeof metadata>;
export type ApiObject = { metadata: ObjectMeta };

export type Resource<Kept extends ApiObject> = {
  /** "/api/v1" or "/apis/GROUP/VERSION" */
  api: string;
  /** In the plural, as in a path: "nodes" */
  plural: string;
  schema: z.ZodType<Kept>;
};

export type ObjectName = { name: string; namespace?: string | undefined };

/** Of all objects, or of those of one namespace. */
export function collectionPath({ api, plural }: Resource<ApiObject>, namespace?: string): string {
  return namespace === undefined ? `${api}/${plural}` : `${api}/namespaces/${encodeURIComponent(namespace)}/${plural}`;
}

export function objectPath(resource: Resource<ApiObject>, { name, namespace }: ObjectName, subresource = ""): string {
  const path = `${collectionPath(resource, namespace)}/${encodeURIComponent(name)}`;
  return subresource === "" ? path : `${path}/${subresource}`;
}

/** Whether `candidate` was written after `known`; they are of one kind. */
export function isNewer(candidate: ApiObject, known: ApiObject): boolean {
  return revisionOf(candidate.metadata.resourceVersion) > revisionOf(known.metadata.resourceVersion);
}

/** As a number: below 2^53 for longer than any cluster lives. */
export function revisionOf(resourceVersion: string): number {
  return Number(resourceVersion);
}
