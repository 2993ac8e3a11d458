/**
 * What people did on this host besides changing settings: programs that they ran in host containers.
 *
 * Each is on the disk before the program starts. A datastore of its own, hash-chained and safe from power loss as that
 * of the settings is; whoever runs programs all day must not push changes of settings out of their history.
 */
import { randomUUID } from "node:crypto";
import { z } from "zod";
import { Datastore, type Author, type DatastoreOptions } from "../datastore/datastore.ts";
import type { Disk } from "../datastore/log/disk.ts";

const MiB = 1024 * 1024;
/** Some ten thousand programs. */
const size = { storeBytes: 4 * MiB, segmentBytes: 256 * 1024, segments: 64 };

/** The one value of this store is the newest entry; those before it are its history. */
const key = "exec";

const execution = z.object({
  /** Makes each one a change. */
  id: z.string(),
  container: z.string(),
  command: z.array(z.string()),
  terminal: z.boolean(),
});
export type Execution = Omit<z.infer<typeof execution>, "id">;
export type AuditEntry = { at: Date; by: Author; image: string; hash: string; exec: Execution };

export class Audit implements AsyncDisposable {
  readonly #store: Datastore;

  private constructor(store: Datastore) {
    this.#store = store;
  }

  static async open(disk: Disk, options: Omit<DatastoreOptions, "size">): Promise<Audit> {
    return new Audit(await Datastore.open(disk, { ...options, size }));
  }

  /** Durable when it resolves. @throws {Failure<"disk-full" | "disk-error" | "busy" | "closed">} */
  async executed(by: Author, exec: Execution): Promise<void> {
    const id = randomUUID();
    this.#store.stage(id, new Map([[key, { id, ...exec }]]));
    await this.#store.commit(id, by, `exec in ${exec.container}`);
  }

  /** Newest first. */
  async newest(limit: number): Promise<AuditEntry[]> {
    const transactions = await this.#store.history(limit);
    return transactions.flatMap(({ at, by, image, hash, changes: [change] }) => {
      const read = execution.safeParse(change?.after);
      if (!read.success) return [];
      const { id: _, ...exec } = read.data;
      return [{ at, by, image, hash, exec }];
    });
  }

  /** Sentences about damage that was found. */
  get repairs(): readonly string[] {
    return this.#store.repairs;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store[Symbol.asyncDispose]();
  }
}
