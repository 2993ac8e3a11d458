/**
 * A disk on which nothing is found and nothing can be written, for a store that cannot be used; the reason is in the
 * status.
 */
import type { Failure } from "../../lib/failure.ts";
import type { LogDisk } from "./log/disk.ts";

export function unusableDisk(reason: Failure): LogDisk {
  const refuse = async (): Promise<never> => await Promise.reject(reason);
  return {
    list: async () => await Promise.resolve([]),
    read: refuse,
    sync: refuse,
    create: refuse,
    rename: refuse,
    remove: refuse,
    syncNames: refuse,
  };
}
