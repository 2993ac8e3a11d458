/**
 * What is known of the nodes that are drained: their pods and volumes, asked for every few seconds, and answers to evictions.
 *
 * Volumes are asked for when a node's pods have left: a cluster has many, and none is detached before.
 */
import type { KubernetesClient } from "../../kubernetes/client.ts";
import { evict, type Eviction, type EvictionVersion } from "../../kubernetes/eviction.ts";
import { podsOn } from "../../kubernetes/node-pods.ts";
import { volumeAttachments } from "../../kubernetes/objects.ts";
import { mayStay, type NodePod } from "../../api/fleet/node-pods.ts";
import type { Drain, EvictionAnswer } from "../roll-out/snapshot.ts";

/** So many nodes are asked about at once. */
const atOnce = 8;
/** Between two asks for one pod, growing while it is refused: a budget may be free at any moment. */
const retryMs = { first: 5_000, most: 60_000, impossible: 300_000 };

export class Drains {
  readonly #client: KubernetesClient;
  readonly #version: EvictionVersion;
  readonly #drains = new Map<string, Drain>();
  readonly #evictions = new Map<string, Map<string, EvictionAnswer>>();

  constructor(client: KubernetesClient, version: EvictionVersion) {
    this.#client = client;
    this.#version = version;
  }

  get known(): ReadonlyMap<string, Drain> {
    return this.#drains;
  }

  /** Asks anew about these nodes, and forgets all others. */
  async look(names: readonly string[], signal: AbortSignal): Promise<void> {
    const wanted = new Set(names);
    for (const known of [this.#drains, this.#evictions]) {
      for (const name of known.keys()) if (!wanted.has(name)) known.delete(name);
    }
    if (names.length === 0) return;
    const all = new Map<string, readonly NodePod[]>();
    for (let at = 0; at < names.length; at += atOnce) {
      await Promise.all(
        names.slice(at, at + atOnce).map(async (name) => void all.set(name, await podsOn(this.#client, name, signal))),
      );
    }
    const isEmpty = [...all.values()].some((pods) => pods.every(mayStay));
    const attached = isEmpty ? await this.#volumes(signal) : new Map<string, string[]>();
    for (const [name, pods] of all) {
      const evictions = this.#evictionsOn(name);
      for (const uid of evictions.keys()) if (!pods.some((pod) => pod.uid === uid)) evictions.delete(uid);
      this.#drains.set(name, { pods, volumes: attached.get(name) ?? [], evictions });
    }
  }

  async evict(node: string, pod: NodePod, signal: AbortSignal): Promise<void> {
    const { clock } = this.#client.connection;
    const answer = await evict(this.#client, pod, { version: this.#version, dryRun: false }, signal);
    const evictions = this.#evictionsOn(node);
    const now = clock.now();
    if (answer.kind === "accepted" || answer.kind === "gone") evictions.set(pod.uid, { kind: "accepted", at: now });
    else evictions.set(pod.uid, refusedAt(now, answer, evictions.get(pod.uid)));
  }

  #evictionsOn(node: string): Map<string, EvictionAnswer> {
    const known = this.#evictions.get(node) ?? new Map<string, EvictionAnswer>();
    this.#evictions.set(node, known);
    return known;
  }

  async #volumes(signal: AbortSignal): Promise<Map<string, string[]>> {
    const { items } = await this.#client.list(volumeAttachments, {}, signal);
    const byNode = new Map<string, string[]>();
    for (const { metadata, spec } of items) {
      const name = spec.source.persistentVolumeName ?? metadata.name;
      byNode.set(spec.nodeName, [...(byNode.get(spec.nodeName) ?? []), name]);
    }
    return byNode;
  }
}

type Refusal = Extract<Eviction, { kind: "blocked" | "impossible" }>;

function refusedAt(now: Date, refusal: Refusal, before: EvictionAnswer | undefined): EvictionAnswer {
  const since = before?.kind === "refused" ? before.since : now;
  const refusedMs = now.getTime() - since.getTime();
  const waitMs =
    refusal.kind === "impossible"
      ? retryMs.impossible
      : Math.min(retryMs.most, Math.max(retryMs.first, refusedMs / 2)) * (0.75 + Math.random() / 2);
  return {
    kind: "refused",
    reason: refusal.reason,
    budget: refusal.kind === "blocked" ? refusal.budget : undefined,
    since,
    retryAt: new Date(now.getTime() + waitMs),
  };
}
