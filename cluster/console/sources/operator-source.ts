/** The operator's own fleet, as its last pass saw it: a page costs the API server nothing but events. */
import { Cache } from "../../../kubernetes/cache.ts";
import type { KubernetesClient } from "../../../kubernetes/client.ts";
import { inOrder, recordEvent, recordedQuery } from "../../../kubernetes/events.ts";
import { events } from "../../../kubernetes/objects.ts";
import { explain, Failure } from "../../../lib/failure.ts";
import { fieldManager } from "../../operator/fleet-nodes.ts";
import type { Operator } from "../../operator/operator.ts";
import { groupVersion } from "../../operator/policy-object.ts";
import { fleetPicture } from "../../picture/fleet-picture.ts";
import { nodeDetails } from "../../picture/node-details.ts";
import type { FleetLook, FleetSource } from "../fleet-source.ts";
import { stopPolicy } from "../stop-policy.ts";

/** @param identity of the operator in the Lease */
export function operatorSource(operator: Operator, client: KubernetesClient, identity: string): FleetSource {
  return {
    title: `operator ${identity}`,
    rate: 1,
    look: (signal) => operatorLook(operator, client, signal),
    async stop(policy, reason, by = "somebody", signal) {
      await stopPolicy(client, { policy, reason: `${reason} (${by})`, fieldManager }, signal);
      const uid = operator.view.snapshots.find((each) => each.policy.name === policy)?.policy.uid ?? "";
      const about = { apiVersion: groupVersion, kind: "FleetPolicy", name: policy, uid };
      await recordEvent(
        client,
        { about, type: "Warning", reason: "Stopped", message: `${by} stops it: ${reason}` },
        signal,
      );
    },
  };
}

function operatorLook(operator: Operator, client: KubernetesClient, signal: AbortSignal): FleetLook {
  let failure: unknown;
  const recorded = new Cache(client, events, { query: recordedQuery, onFailure: (error) => (failure = error) });
  void recorded.keep(signal).catch(() => undefined); // it ends by the signal alone
  return {
    details: (name) => nodeDetails(operator.view.snapshots, name),
    async read() {
      if (!operator.isReady) throw new Failure("stalled", "the operator does not know the cluster yet");
      const now = client.connection.clock.now();
      const { snapshots, invalid } = operator.view;
      const doubt = doubtOf(operator, recorded.isSynced ? undefined : failure);
      return {
        now,
        picture: fleetPicture(snapshots, invalid, now),
        events: inOrder(recorded.objects.values()),
        ...(doubt === undefined ? {} : { doubt }),
      };
    },
  };
}

function doubtOf({ isLeading }: Operator, failure: unknown): string | undefined {
  if (!isLeading) return "another pod works, and this one waits for the Lease: of drains it knows nothing";
  return failure === undefined ? undefined : `what happened is not shown: ${explain(failure)}`;
}
