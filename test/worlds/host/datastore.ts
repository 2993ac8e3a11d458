/** Datastores for tests: on a simulated disk, with a clock that goes on by a second each time it is asked. */
import { Datastore, type DatastoreOptions } from "../../../host/datastore/datastore.ts";
import type { LogDisk } from "../../../host/datastore/log/disk.ts";
import type { Json } from "../../../lib/text/json.ts";
import { SimulatedDisk } from "../../simulator/media/disk.ts";

export const someone = { kind: "socket", uid: 1000, pid: 77 } as const;

export type TestDatastore = AsyncDisposable & {
  store: Datastore;
  /** Commits these settings in a transaction of their own; null deletes. */
  set(values: Record<string, Json>): Promise<number>;
};

/** As after a start of the daemon. */
export async function datastoreOn(disk: LogDisk, options: Partial<DatastoreOptions> = {}): Promise<TestDatastore> {
  const store = await Datastore.open(disk, { image: "1.2.3", clock: tickingClock(), ...options });
  return {
    store,
    async set(values) {
      store.stage("test", new Map(Object.entries(values).map(([key, value]) => [key, value ?? undefined])));
      const { version } = await store.commit("test", someone, "test");
      return version;
    },
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}

export function simulatedDisk(): SimulatedDisk {
  return new SimulatedDisk(1);
}

/** A second passes with every look at it. */
export function tickingClock(start = "2026-01-01T00:00:00Z"): DatastoreOptions["clock"] {
  let nowMs = Date.parse(start);
  return { now: () => new Date((nowMs += 1000)) };
}
