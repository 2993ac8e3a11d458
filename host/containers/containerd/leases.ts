/** Leases of containerd: what is made under one is not collected before it ends. */
import { randomUUID } from "node:crypto";
import type { Clock } from "../../../lib/clock.ts";
import type { Containerd } from "./containerd.ts";

export type ContainerdLease = AsyncDisposable & {
  /** Of a call that is made under it. */
  options: { headers: Record<string, string> };
};

/** One that is abandoned ends by itself. */
const leaseMs = 24 * 60 * 60_000;

export async function openLease(
  { leases }: Pick<Containerd, "leases">,
  clock: Pick<Clock, "now">,
): Promise<ContainerdLease> {
  const id = randomUUID();
  const expires = new Date(clock.now().getTime() + leaseMs).toISOString();
  await leases.create({ id, labels: { "containerd.io/gc.expire": expires } });
  return {
    options: { headers: { "containerd-lease": id } },
    [Symbol.asyncDispose]: async () => void (await leases.delete({ id })),
  };
}
