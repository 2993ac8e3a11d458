/** Stops a roll-out by the annotation that people set with kubectl. */
import { policyAnnotations } from "../../api/fleet/annotations.ts";
import type { KubernetesClient } from "../../kubernetes/client.ts";
import { Failure } from "../../lib/failure.ts";
import { fleetPolicies } from "../operator/policy-object.ts";

/** @throws {Failure<"no-such-policy" | "cluster-refused">} */
export async function stopPolicy(
  client: KubernetesClient,
  { policy: name, reason, fieldManager }: { policy: string; reason: string; fieldManager: string },
  signal: AbortSignal,
): Promise<void> {
  const patch = { metadata: { annotations: { [policyAnnotations.stop]: reason } } };
  const written = await client.patch(fleetPolicies, { name, fieldManager }, patch, signal);
  if (written.kind === "written") return;
  throw new Failure("no-such-policy", `cannot stop ${name}: there is no such FleetPolicy`);
}
