/** A cluster, as whoever looks may see it: its objects by watches, and by asking what keeps pods on nodes. */
import { Cache } from "../../../kubernetes/cache.ts";
import type { KubernetesClient } from "../../../kubernetes/client.ts";
import { inOrder, recordedQuery } from "../../../kubernetes/events.ts";
import { events, nodes } from "../../../kubernetes/objects.ts";
import { explain } from "../../../lib/failure.ts";
import { fleetViewOf, withDrains } from "../../operator/fleet-view.ts";
import { fleetPolicies } from "../../operator/policy-object.ts";
import { fleetPicture } from "../../picture/fleet-picture.ts";
import { nodeDetails } from "../../picture/node-details.ts";
import type { Snapshot } from "../../roll-out/snapshot.ts";
import type { FleetLook, FleetReading, FleetSource } from "../fleet-source.ts";
import { stopPolicy } from "../stop-policy.ts";

/** Who writes, for managedFields: a person, by this page. */
const fieldManager = "orlop-console";
const pollMs = 100;
/** Dry-run evictions cost the cluster a little. */
const drainsMs = 5_000;

export function clusterSource(client: KubernetesClient): FleetSource {
  return {
    title: client.connection.server,
    rate: 1,
    look: (signal) => new ClusterLook(client, signal),
    stop: async (policy, reason, _, signal) => await stopPolicy(client, { policy, reason, fieldManager }, signal),
  };
}

class ClusterLook implements FleetLook {
  readonly #client: KubernetesClient;
  readonly #nodes;
  readonly #policies;
  readonly #events;
  #failure: { error: unknown; atMs: number } | undefined;
  #eventsFailure: unknown;
  #snapshots: readonly Snapshot[] = [];
  #drains: Snapshot["drains"] = new Map();
  #drainsMs = Number.NEGATIVE_INFINITY;

  constructor(client: KubernetesClient, signal: AbortSignal) {
    this.#client = client;
    const onFailure = (error: unknown): void => {
      this.#failure = { error, atMs: client.connection.clock.elapsedMs() };
    };
    this.#nodes = new Cache(client, nodes, { onFailure });
    this.#policies = new Cache(client, fleetPolicies, { onFailure });
    this.#events = new Cache(client, events, {
      query: recordedQuery,
      onFailure: (error) => (this.#eventsFailure = error),
    });
    for (const cache of [this.#nodes, this.#policies, this.#events]) {
      void cache.keep(signal).catch(() => undefined); // it ends by the signal alone
    }
  }

  details(name: string) {
    return nodeDetails(this.#snapshots, name);
  }

  async read(signal: AbortSignal): Promise<FleetReading> {
    const { clock } = this.#client.connection;
    while (!this.#nodes.isSynced || !this.#policies.isSynced) {
      if (this.#failure !== undefined) throw this.#failure.error;
      await clock.sleep(pollMs, signal);
    }
    const { snapshots, invalid } = fleetViewOf([...this.#policies.objects.values()], [...this.#nodes.objects.values()]);
    if (clock.elapsedMs() - this.#drainsMs > drainsMs) await this.#lookAtDrains(snapshots, signal);
    this.#snapshots = snapshots.map((snapshot) => ({ ...snapshot, drains: this.#drains }));
    const now = clock.now();
    const doubt = this.#doubt();
    return {
      now,
      picture: fleetPicture(this.#snapshots, invalid, now),
      events: inOrder(this.#events.objects.values()),
      ...(doubt === undefined ? {} : { doubt }),
    };
  }

  async #lookAtDrains(snapshots: readonly Snapshot[], signal: AbortSignal): Promise<void> {
    try {
      const seen = await withDrains(this.#client, snapshots, signal);
      this.#drains = new Map(seen.flatMap(({ drains }) => [...drains]));
    } catch (error) {
      signal.throwIfAborted();
      // Whoever may not evict sees the rest all the same.
      this.#failure = { error, atMs: this.#client.connection.clock.elapsedMs() };
    }
    this.#drainsMs = this.#client.connection.clock.elapsedMs();
  }

  /** Since the cluster was last heard of, something has failed. */
  #doubt(): string | undefined {
    const heardMs = this.#client.connection.clock.elapsedMs() - this.#nodes.silentMs;
    if (this.#failure !== undefined && this.#failure.atMs > heardMs) return explain(this.#failure.error);
    if (this.#events.isSynced || this.#eventsFailure === undefined) return undefined;
    return `what happened is not shown: ${explain(this.#eventsFailure)}`;
  }
}
