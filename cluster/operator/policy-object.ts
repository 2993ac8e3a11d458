/** `FleetPolicy` and `NodeUpdate` as objects of the API: kinds of our own, in the group fleet.orlop.dev. */
import { z } from "zod";
import { policyAnnotations } from "../../api/fleet/annotations.ts";
import { metadata, type Resource } from "../../kubernetes/resource.ts";
import { FleetLedger, type FleetPolicy, FleetPolicySpec } from "../policy/fleet-policy.ts";

export const group = "fleet.orlop.dev";
export const groupVersion = `${group}/v1alpha1`;
const api = `/apis/${groupVersion}`;

/** Not read any closer here: what a person wrote wrongly is to be told on the policy, and stops no other. */
const policyObject = z.object({ metadata, spec: z.unknown().optional(), status: z.unknown().optional() });
export type PolicyObject = z.output<typeof policyObject>;
export const fleetPolicies: Resource<PolicyObject> = { api, plural: "fleetpolicies", schema: policyObject };

const nodeUpdate = z.object({ metadata, status: z.record(z.string(), z.unknown()).default({}) });
export type NodeUpdateObject = z.output<typeof nodeUpdate>;
export const nodeUpdates: Resource<NodeUpdateObject> = { api, plural: "nodeupdates", schema: nodeUpdate };

/** Kept on a policy as long as nodes are under work for it. */
export const finalizer = `${group}/nodes`;

export type ReadPolicy = { policy: FleetPolicy } | { invalid: string };

/** `invalid` says what is wrong with it; API servers before 1.25 do not hold every rule of the CRD. */
export function readPolicy({ metadata: { annotations, finalizers, ...meta }, spec, status }: PolicyObject): ReadPolicy {
  const read = FleetPolicySpec.safeParse(spec ?? {});
  if (!read.success) return { invalid: z.prettifyError(read.error) };
  const ledger = FleetLedger.safeParse(status ?? {});
  // Nobody writes it but this operator: what cannot be read must not be taken for an empty one.
  if (!ledger.success) return { invalid: `its status cannot be read: ${z.prettifyError(ledger.error)}` };
  return {
    policy: {
      name: meta.name,
      uid: meta.uid,
      resourceVersion: meta.resourceVersion,
      spec: read.data,
      ledger: ledger.data,
      stop: annotations[policyAnnotations.stop],
      resume: annotations[policyAnnotations.resume],
      deleting: meta.deletionTimestamp !== undefined,
      finalizer: finalizers.includes(finalizer),
    },
  };
}
