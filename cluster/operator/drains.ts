/**
 * What is known of the nodes that are drained: their pods and volumes, asked for every few seconds, and answers to evictions.
 *
 * An operator that takes over finds many such nodes at once; it looks at some of them at a time. What it is told may be
 * some time old: before a host reboots, it asks for its pods itself, as they are then. So a node that has none left is not
 * asked about again before a pass has seen that and left it waiting. Volumes are asked for when a node's pods have left: a
 * cluster has many, and none is detached before.
 */
import type { KubernetesClient } from "../../kubernetes/client.ts";
import { evict, type Eviction, type EvictionVersion } from "../../kubernetes/eviction.ts";
import { rememberedPodsOn } from "../../kubernetes/node-pods.ts";
import { volumeAttachments } from "../../kubernetes/objects.ts";
import { mayStay, type NodePod } from "../../api/fleet/node-pods.ts";
import type { Drain, EvictionAnswer } from "../roll-out/snapshot.ts";

/** Names of nodes that drain, and those of them that a pass, which began at `seenMs` of `elapsedMs`, left waiting. */
export type Draining = { names: readonly string[]; waiting: ReadonlySet<string>; seenMs: number };

/** So many nodes are asked about at once, and so many in one look. */
const atOnce = 8;
const mostLooks = 48;
/** How long what is known of a node is good. */
const lookMs = 3_000;
/** Between two asks for one pod, growing while it is refused: a budget may be free at any moment. */
const retryMs = { first: 5_000, most: 60_000, impossible: 300_000 };

export class Drains {
  readonly #client: KubernetesClient;
  readonly #version: EvictionVersion;
  readonly #drains = new Map<string, Drain>();
  readonly #evictions = new Map<string, Map<string, EvictionAnswer>>();
  readonly #lookedMs = new Map<string, number>();

  constructor(client: KubernetesClient, version: EvictionVersion) {
    this.#client = client;
    this.#version = version;
  }

  get known(): ReadonlyMap<string, Drain> {
    return this.#drains;
  }

  /**
   * Asks anew about those of the waiting nodes that were not asked about for the longest time, and forgets whatever does not
   * drain.
   *
   * @returns whether anything is otherwise than before
   */
  async look(draining: Draining, signal: AbortSignal): Promise<boolean> {
    const wanted = new Set(draining.names);
    for (const known of [this.#drains, this.#evictions, this.#lookedMs]) {
      for (const name of known.keys()) if (!wanted.has(name)) known.delete(name);
    }
    const due = this.#due(draining);
    if (due.length === 0) return false;
    const all = new Map<string, readonly NodePod[]>();
    for (let at = 0; at < due.length; at += atOnce) {
      await Promise.all(
        due
          .slice(at, at + atOnce)
          .map(async (name) => void all.set(name, await rememberedPodsOn(this.#client, name, signal))),
      );
    }
    const isEmpty = [...all.values()].some((pods) => pods.every(mayStay));
    const attached = isEmpty ? await this.#volumes(signal) : new Map<string, string[]>();
    let isNews = false;
    for (const [name, pods] of all) {
      this.#lookedMs.set(name, this.#client.connection.clock.elapsedMs());
      const evictions = this.#evictionsOn(name);
      for (const uid of evictions.keys()) if (!pods.some((pod) => pod.uid === uid)) evictions.delete(uid);
      const drain = { pods, volumes: attached.get(name) ?? [], evictions };
      isNews ||= !isSame(this.#drains.get(name), drain);
      this.#drains.set(name, drain);
    }
    return isNews;
  }

  #due({ waiting, seenMs }: Draining): string[] {
    const nowMs = this.#client.connection.clock.elapsedMs();
    const since = (name: string): number => this.#lookedMs.get(name) ?? Number.NEGATIVE_INFINITY;
    const isDone = (name: string): boolean =>
      since(name) >= seenMs && this.#drains.get(name)?.pods.every(mayStay) === true;
    const due = [...waiting].filter((name) => nowMs - since(name) >= lookMs && !isDone(name));
    return due.toSorted((a, b) => (since(a) < since(b) ? -1 : 1)).slice(0, mostLooks);
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

function isSame(before: Drain | undefined, { pods, volumes }: Drain): boolean {
  return before !== undefined && JSON.stringify([before.pods, before.volumes]) === JSON.stringify([pods, volumes]);
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
