/**
 * What was done on this host besides changing settings: programs that people ran in host containers, and orders of its
 * fleet.
 *
 * Each is on the disk before the program starts, or the order is obeyed. A datastore of its own, hash-chained and safe from power loss as that
 * of the settings is; whoever runs programs all day must not push changes of settings out of their history.
 */
import { randomUUID } from "node:crypto";
import { z } from "zod";
import { ordered } from "../../api/answers.ts";
import type { JsonObject } from "../../lib/text/json.ts";
import { Datastore, type Author, type DatastoreOptions, type Transaction } from "../datastore/datastore.ts";
import type { LogDisk } from "../datastore/log/disk.ts";

const MiB = 1024 * 1024;
/** Some ten thousand programs. */
const size = { storeBytes: 4 * MiB, segmentBytes: 256 * 1024, segments: 64 };

/** Each entry is a change of one of these values; those before it are its history. */
const keys = { exec: "exec", order: "order" } as const;

const execution = z.object({
  /** As `entry` was called when programs were all that there was. */
  id: z.string(),
  container: z.string(),
  command: z.array(z.string()),
  terminal: z.boolean(),
});
/** `entry` makes each one a change. */
const obedience = z.object({ entry: z.string(), ...ordered.shape.order.shape });
export type AuditedProgram = Omit<z.infer<typeof execution>, "id">;
export type AuditedOrder = Omit<z.infer<typeof obedience>, "entry">;

type Noted = { at: Date; by: Author; image: string; hash: string };
export type AuditEntry = Noted & ({ exec: AuditedProgram } | { order: AuditedOrder });

export class Audit implements AsyncDisposable {
  readonly #store: Datastore;

  private constructor(store: Datastore) {
    this.#store = store;
  }

  static async open(disk: LogDisk, options: Omit<DatastoreOptions, "size">): Promise<Audit> {
    return new Audit(await Datastore.open(disk, { ...options, size }));
  }

  /** Durable when it resolves. @throws {Failure<"disk-full" | "disk-error" | "busy" | "closed">} */
  async executed(by: Author, exec: AuditedProgram): Promise<void> {
    await this.#note(by, keys.exec, { id: randomUUID(), ...exec }, `exec in ${exec.container}`);
  }

  /** Durable when it resolves. @throws {Failure<"disk-full" | "disk-error" | "busy" | "closed">} */
  async obeyed(order: AuditedOrder): Promise<void> {
    const by = { kind: "host", part: "fleet" } as const;
    await this.#note(by, keys.order, { entry: randomUUID(), ...order }, `order of ${order.by}`);
  }

  async #note(by: Author, key: string, value: JsonObject, message: string): Promise<void> {
    const transaction = randomUUID();
    this.#store.stage(transaction, new Map([[key, value]]));
    await this.#store.commit(transaction, by, message);
  }

  /** What is not asked for is not read. */
  async *newestFirst(): AsyncGenerator<AuditEntry> {
    for await (const transaction of this.#store.newestFirst()) {
      const entry = entryOf(transaction);
      if (entry !== undefined) yield entry;
    }
  }

  async newest(limit: number): Promise<AuditEntry[]> {
    const newest: AuditEntry[] = [];
    for await (const entry of this.newestFirst()) {
      if (newest.length >= limit) break;
      newest.push(entry);
    }
    return newest;
  }

  /** Sentences about damage that was found. */
  get repairs(): readonly string[] {
    return this.#store.repairs;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store[Symbol.asyncDispose]();
  }
}

/** Undefined for what another version noted. */
function entryOf({ at, by, image, hash, changes: [change] }: Transaction): AuditEntry | undefined {
  const noted = { at, by, image, hash };
  if (change?.key === keys.order) {
    const order = obedience.safeParse(change.after);
    return order.success ? { ...noted, order: withoutEntry(order.data) } : undefined;
  }
  const exec = execution.safeParse(change?.after);
  if (!exec.success) return undefined;
  const { id: _, ...program } = exec.data;
  return { ...noted, exec: program };
}

function withoutEntry(order: z.infer<typeof obedience>): AuditedOrder {
  const { entry: _, ...rest } = order;
  return rest;
}
