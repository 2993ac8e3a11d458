/**
 * Who of several programs is the one that works, by a Lease: so that they do not write the same things twice. Nothing is
 * safe by it: two may think so at once, and every write is to hold for the object as it was read.
 *
 * As client-go's leader election: a holder that has not renewed for the lease's duration, by the clock of who looks, has
 * lost it.
 */
import type { KubernetesClient } from "./client.ts";
import { type Lease, leases } from "./objects.ts";

const durationMs = 15_000;
/** A holder that could not renew for so long stops working. */
const renewWithinMs = 10_000;
const retryMs = 2_000;

export type LeaseOptions = { name: string; namespace: string; identity: string };

export class Leadership {
  readonly #client: KubernetesClient;
  readonly #options: LeaseOptions;
  /** As it was seen last, and when it changed by our clock. */
  #seen: { resourceVersion: string; atMs: number } | undefined;
  #renewedMs: number | undefined;

  constructor(client: KubernetesClient, options: LeaseOptions) {
    this.#client = client;
    this.#options = options;
  }

  get isHeld(): boolean {
    return this.#renewedMs !== undefined && this.#elapsedMs() - this.#renewedMs < renewWithinMs;
  }

  /** Takes and renews it until the signal aborts; then gives it up, so that another need not wait. */
  async keep(onFailure: (error: unknown) => void, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const beganMs = this.#elapsedMs();
      try {
        if (await this.#takeOrRenew(signal)) this.#renewedMs = beganMs;
      } catch (error) {
        if (!signal.aborted) onFailure(error);
      }
      try {
        await this.#client.connection.clock.sleep(retryMs, signal);
      } catch {
        break; // it ends only by the signal
      }
    }
    await this.#giveUp();
  }

  async #takeOrRenew(signal: AbortSignal): Promise<boolean> {
    const { name, namespace, identity } = this.#options;
    const lease = await this.#client.get(leases, { name, namespace }, signal);
    const now = this.#client.connection.clock.now().toISOString().replace("Z", "000Z");
    const own = { holderIdentity: identity, leaseDurationSeconds: durationMs / 1000, renewTime: now };
    if (lease === undefined) {
      const content = { metadata: { name, namespace }, spec: { ...own, acquireTime: now, leaseTransitions: 0 } };
      return (await this.#client.create(leases, { name, namespace, content }, signal)).kind === "written";
    }
    if (this.#isOfAnother(lease)) return false;
    const isNew = lease.spec.holderIdentity !== identity;
    const acquisition = isNew ? { acquireTime: now, leaseTransitions: (lease.spec.leaseTransitions ?? 0) + 1 } : {};
    const { resourceVersion } = lease.metadata;
    const patch = { metadata: { resourceVersion }, spec: { ...own, ...acquisition } };
    return (await this.#client.patch(leases, { name, namespace }, patch, signal)).kind === "written";
  }

  #isOfAnother({ metadata: { resourceVersion }, spec }: Lease): boolean {
    if (this.#seen?.resourceVersion !== resourceVersion) this.#seen = { resourceVersion, atMs: this.#elapsedMs() };
    const holder = spec.holderIdentity ?? "";
    if (holder === "" || holder === this.#options.identity) return false;
    return this.#elapsedMs() - this.#seen.atMs < (spec.leaseDurationSeconds ?? 0) * 1000;
  }

  async #giveUp(): Promise<void> {
    if (!this.isHeld) return;
    this.#renewedMs = undefined;
    const { name, namespace, identity } = this.#options;
    const inTime = AbortSignal.timeout(retryMs);
    try {
      const lease = await this.#client.get(leases, { name, namespace }, inTime);
      if (lease?.spec.holderIdentity !== identity) return;
      const { resourceVersion } = lease.metadata;
      const patch = { metadata: { resourceVersion }, spec: { holderIdentity: null } };
      await this.#client.patch(leases, { name, namespace }, patch, inTime);
    } catch {
      // Whatever failed: it passes by itself after its duration.
    }
  }

  #elapsedMs(): number {
    return this.#client.connection.clock.elapsedMs();
  }
}
