/**
 * What people see with kubectl: a NodeUpdate for each node, and the conditions of each policy. Nobody decides by it, so it
 * may be behind: of a large fleet, what is under work is written first, and the rest as it comes. An operator that takes over
 * reads them once, so that it writes only what has become otherwise.
 */
import { z } from "zod";
import type { Cache } from "../../kubernetes/cache.ts";
import type { KubernetesClient } from "../../kubernetes/client.ts";
import type { Snapshot } from "../roll-out/snapshot.ts";
import { type Condition, portrait } from "../roll-out/portrait.ts";
import { type NodeStanding, standings } from "../roll-out/standing.ts";
import { fieldManager } from "./fleet-nodes.ts";
import { fleetPolicies, groupVersion, nodeUpdates, type PolicyObject } from "./policy-object.ts";

/** So many objects are written in one round. */
const mostWrites = 50;
/** A sentence that only counts differently is written so often. */
const recountMs = 60_000;

const conditionsSchema = z.object({
  conditions: z.array(z.object({ type: z.string(), status: z.string(), lastTransitionTime: z.string() })).default([]),
});

const writtenStatus = z.object({
  version: z.string().nullable().default(null),
  target: z.string().nullable().default(null),
  step: z.string().default(""),
  since: z.string().nullable().default(null),
  message: z.string().default(""),
});
type WrittenStatus = z.output<typeof writtenStatus>;

type Shown = { text: string; essence: string; atMs: number };

export class Projection {
  readonly #client: KubernetesClient;
  readonly #policies: Cache<PolicyObject>;
  readonly #shown = new Map<string, Shown>();
  /** By node, as they were when this took over. */
  #before: ReadonlyMap<string, WrittenStatus> | undefined;

  constructor(client: KubernetesClient, policies: Cache<PolicyObject>) {
    this.#client = client;
    this.#policies = policies;
  }

  async show(snapshots: readonly Snapshot[], signal: AbortSignal): Promise<void> {
    const now = this.#client.connection.clock.now();
    const nowMs = this.#client.connection.clock.elapsedMs();
    const all = snapshots.flatMap((snapshot) => standings(snapshot, now).filter(({ node }) => node.selected));
    this.#before ??= await this.#writtenBefore(signal);
    const known = new Set(all.map(({ node }) => node.uid));
    for (const uid of this.#shown.keys()) if (!known.has(uid)) this.#shown.delete(uid);
    const due = all.filter((standing) => this.#isDue(standing, nowMs));
    const urgent = due.toSorted((a, b) => rankOf(a) - rankOf(b)).slice(0, mostWrites);
    for (const standing of urgent) {
      await this.#showNode(standing, signal);
      this.#shown.set(standing.node.uid, { ...textsOf(standing), atMs: nowMs });
    }
    for (const snapshot of snapshots) await this.#showPolicy(snapshot, now, signal);
  }

  /** Why a policy cannot be followed. */
  async showInvalid(
    { metadata: { name, generation } }: PolicyObject,
    reason: string,
    signal: AbortSignal,
  ): Promise<void> {
    const condition = { type: "Progressing", status: "False", reason: "Invalid", message: reason } as const;
    await this.#writeStatus(name, generation, [condition], {}, signal);
  }

  async #writtenBefore(signal: AbortSignal): Promise<Map<string, WrittenStatus>> {
    const { items } = await this.#client.list(nodeUpdates, {}, signal);
    return new Map(
      items.flatMap(({ metadata: { name }, status }) => {
        const read = writtenStatus.safeParse(status);
        return read.success ? [[name, read.data] as const] : [];
      }),
    );
  }

  #isDue(standing: NodeStanding, nowMs: number): boolean {
    const { text, essence } = textsOf(standing);
    let shown = this.#shown.get(standing.node.uid);
    if (shown === undefined) {
      const before = this.#before?.get(standing.node.name);
      if (before === undefined || !isAbout(before, standing)) return true;
      shown = { text: JSON.stringify(before), essence, atMs: nowMs };
      this.#shown.set(standing.node.uid, shown);
    }
    return essence !== shown.essence || (text !== shown.text && nowMs - shown.atMs > recountMs);
  }

  async #showNode(standing: NodeStanding, signal: AbortSignal): Promise<void> {
    const { name, uid } = standing.node;
    const status = statusOf(standing);
    const patch = { status };
    const written = await this.#client.patch(nodeUpdates, { name, subresource: "status", fieldManager }, patch, signal);
    if (written.kind !== "missing") return;
    const ownerReferences = [{ apiVersion: "v1", kind: "Node", name, uid }];
    const content = { apiVersion: groupVersion, kind: "NodeUpdate", metadata: { name, ownerReferences } };
    const created = await this.#client.create(nodeUpdates, { name, content }, signal);
    if (created.kind !== "written") return;
    await this.#client.patch(nodeUpdates, { name, subresource: "status", fieldManager }, patch, signal);
  }

  async #showPolicy(snapshot: Snapshot, now: Date, signal: AbortSignal): Promise<void> {
    const { conditions, counts } = portrait(snapshot, now);
    const { name } = snapshot.policy;
    const generation = this.#policies.get(name)?.metadata.generation;
    await this.#writeStatus(name, generation, conditions, counts, signal);
  }

  async #writeStatus(
    name: string,
    generation: number | undefined,
    found: readonly Condition[],
    counts: object,
    signal: AbortSignal,
  ): Promise<void> {
    const text = JSON.stringify([found, counts, generation]);
    const shown = this.#shown.get(name);
    if (shown?.text === text) return;
    const now = this.#client.connection.clock.now();
    const before = conditionsSchema.safeParse(this.#policies.get(name)?.status).data?.conditions ?? [];
    const conditions = found.map((condition) => {
      const last = before.find(({ type, status }) => type === condition.type && status === condition.status);
      return { ...condition, lastTransitionTime: last?.lastTransitionTime ?? now };
    });
    const patch = { status: { conditions, counts, observedGeneration: generation } };
    const written = await this.#client.patch(
      fleetPolicies,
      { name, subresource: "status", fieldManager },
      patch,
      signal,
    );
    if (written.kind !== "written") return;
    this.#policies.take(written.object);
    this.#shown.set(name, { text, essence: "", atMs: 0 });
  }
}

/** What is under work first, what failed next. */
function rankOf({ step, cause }: NodeStanding): number {
  if (step !== "Idle") return 0;
  return cause === "failed" ? 1 : 2;
}

/** What was written is the same but for what only counts. */
function isAbout(before: WrittenStatus, standing: NodeStanding): boolean {
  const words = ({ message, ...rest }: WrittenStatus): string => JSON.stringify([rest, message.replaceAll(/\d+/g, "")]);
  return words(before) === words(statusOf(standing));
}

function statusOf({ node, step, version, target, sentence }: NodeStanding): WrittenStatus {
  return {
    version: version ?? null,
    target: target ?? null,
    step,
    since: node.marks.since?.toISOString() ?? null,
    message: sentence,
  };
}

/** `essence` is without what only counts: it is written at once when it changes. */
function textsOf(standing: NodeStanding): { text: string; essence: string } {
  const { step, version, target, cause, wait } = standing;
  const why = "reason" in wait ? wait.reason : wait.cause === "pods" ? wait.refusal : undefined;
  const essence = JSON.stringify([step, version, target, cause, why?.replaceAll(/\d+/g, "") ?? ""]);
  return { text: JSON.stringify(statusOf(standing)), essence };
}
