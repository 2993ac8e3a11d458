/**
 * Objects of one kind as the cluster has them, kept true by a list and then a watch.
 *
 * An object is taken in only if it is newer than what is here: answers to own writes, watch events and lists may overtake
 * one another, and one that is older would make every further write meet a conflict.
 */
import { ChangeCount } from "../lib/change-count.ts";
import { isFailure } from "../lib/failure.ts";
import type { KubernetesClient, Query } from "./client.ts";
import { type ApiObject, isNewer, type Resource, revisionOf } from "./resource.ts";
import { watch } from "./watch.ts";

const retryMs = { first: 500, most: 30_000 };

export type CacheOptions = {
  /** Selectors, and a namespace; all objects of the cluster unless given. */
  query?: Query & { namespace?: string | undefined };
  /** Why it is not true at the moment, once for each time that it could not be kept so. */
  onFailure(error: unknown): void;
};

export class Cache<Kept extends ApiObject> {
  readonly #client: KubernetesClient;
  readonly #resource: Resource<Kept>;
  readonly #options: CacheOptions;
  readonly #objects = new Map<string, Kept>();
  /** Whatever happened up to here is known; undefined before the first list. */
  #upTo: string | undefined;
  #heardMs: number | undefined;
  readonly #changes = new ChangeCount();
  /** Whole lists read so far. */
  lists = 0;

  constructor(client: KubernetesClient, resource: Resource<Kept>, options: CacheOptions) {
    this.#client = client;
    this.#resource = resource;
    this.#options = options;
  }

  get isSynced(): boolean {
    return this.#upTo !== undefined;
  }

  /** Milliseconds since the cluster was last heard of; infinite before the first time. */
  get silentMs(): number {
    return this.#heardMs === undefined
      ? Number.POSITIVE_INFINITY
      : this.#client.connection.clock.elapsedMs() - this.#heardMs;
  }

  /** Grows with every change that was taken in. */
  get changes(): number {
    return this.#changes.count;
  }

  /** @param key "name" or "namespace/name" */
  get(key: string): Kept | undefined {
    return this.#objects.get(key);
  }

  get objects(): ReadonlyMap<string, Kept> {
    return this.#objects;
  }

  /** Takes in the answer to a write of ours, which need not wait for the watch; true when it was news. */
  take(object: Kept): boolean {
    const key = keyOf(object);
    const known = this.#objects.get(key);
    // What is absent was deleted before this was seen, unless it is from after all that is known.
    const isNews =
      known === undefined
        ? revisionOf(object.metadata.resourceVersion) > revisionOf(this.#upTo ?? "0")
        : isNewer(object, known);
    if (isNews) this.#put(key, object);
    return isNews;
  }

  /** What is not there any more, as an answer told. */
  drop(key: string): void {
    if (this.#objects.delete(key)) this.#changes.announce();
  }

  /** Asks for an object of the cluster as a whole, after a write of ours met a newer one. */
  async refresh(name: string, signal: AbortSignal): Promise<void> {
    const fresh = await this.#client.get(this.#resource, { name }, signal);
    if (fresh === undefined) this.drop(name);
    else this.take(fresh);
  }

  /** Resolves when more has changed than `known` counts, at once when it has. */
  async changedSince(known: number, signal: AbortSignal): Promise<void> {
    await this.#changes.since(known, signal);
  }

  /** Lists and watches until the signal aborts; whatever fails is tried again. */
  async keep(signal: AbortSignal): Promise<never> {
    for (let failures = 0; ;) {
      signal.throwIfAborted();
      const before = this.#heardMs;
      try {
        if (this.#upTo === undefined) await this.#list(signal);
        await this.#follow(signal);
      } catch (error) {
        signal.throwIfAborted();
        if (isFailure(error, "watch-expired")) this.#upTo = undefined;
        else this.#options.onFailure(error);
      }
      // A server that accepts every watch and ends it at once is not asked without a pause either.
      failures = this.#heardMs === before ? failures + 1 : 0;
      const waitMs = Math.min(retryMs.most, retryMs.first * 2 ** failures);
      // Spread, since all of a fleet lose the same API server at once.
      await this.#client.connection.clock.sleep(waitMs * (0.5 + Math.random()), signal);
    }
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { items, resourceVersion } = await this.#client.list(this.#resource, this.#options.query ?? {}, signal);
    this.lists++;
    const listed = new Set(items.map(keyOf));
    for (const [key, object] of this.#objects) {
      const isOlder = revisionOf(object.metadata.resourceVersion) <= revisionOf(resourceVersion);
      if (isOlder && !listed.has(key)) this.#objects.delete(key);
    }
    for (const item of items) {
      const known = this.#objects.get(keyOf(item));
      if (known === undefined || isNewer(item, known)) this.#objects.set(keyOf(item), item);
    }
    this.#heard(resourceVersion);
    this.#changes.announce();
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const from = this.#upTo ?? "0";
    for await (const change of watch(this.#client, this.#resource, { ...this.#options.query, from }, signal)) {
      if (change.kind === "bookmark") this.#heard(change.resourceVersion);
      else this.#see(change.kind, change.object);
    }
    signal.throwIfAborted();
  }

  #see(kind: "put" | "deleted", object: Kept): void {
    const key = keyOf(object);
    const known = this.#objects.get(key);
    this.#heard(object.metadata.resourceVersion);
    if (known !== undefined && !isNewer(object, known)) return;
    if (kind === "put") this.#put(key, object);
    else this.drop(key);
  }

  #heard(resourceVersion: string): void {
    this.#upTo = resourceVersion;
    this.#heardMs = this.#client.connection.clock.elapsedMs();
  }

  #put(key: string, object: Kept): void {
    this.#objects.set(key, object);
    this.#changes.announce();
  }
}

export function keyOf({ metadata: { name, namespace } }: ApiObject): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}
