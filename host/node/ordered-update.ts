/**
 * What this host does when it obeys an order: writes the version, or makes it boot and reboots. Each order is in the history before
 * anything is done for it; one that cannot be noted is not obeyed.
 */
import type { Order } from "../../api/fleet/order.ts";
import { type Deadline, deadline } from "../../lib/clock.ts";
import { explain, Failure, isFailure } from "../../lib/failure.ts";
import type { System } from "../machine/system.ts";
import { isReadyToReboot, rebootNow } from "../update/before-reboot.ts";
import type { UpdateCommand } from "../update/state.ts";
import type { Updater } from "../update/updater.ts";

/** Into the history of this host; rejects when that takes nothing. */
export type NoteOrder = (order: Order, outcome: string) => Promise<void>;

type OrderedHost = { system: System; updater: Updater; note: NoteOrder };

/** What failed for an order is tried again after so long, if the order still stands. */
const retryMs = 600_000;

export class OrderedUpdate implements AsyncDisposable {
  readonly #host: OrderedHost;
  #preparing: Promise<void> | undefined;
  #failed: { id: string; reason: string; again: Deadline } | undefined;
  #notedId: string | undefined;
  #isRebooting = false;

  constructor(host: OrderedHost) {
    this.#host = host;
  }

  /** Why the order was not obeyed, for as long as it is not tried again. */
  failureOf({ id }: Order): string | undefined {
    return this.#failed?.id === id && !this.#failed.again.passed ? this.#failed.reason : undefined;
  }

  /** Begins to write the version that is ordered, unless that is at work, or has just failed. */
  prepare(order: Order): void {
    if (this.#preparing !== undefined || this.failureOf(order) !== undefined) return;
    this.#preparing = this.#obey(order, "prepares it", async () => {
      await this.#command("refresh", order.version);
      await this.#command("prepare");
    }).finally(() => {
      this.#preparing = undefined;
    });
  }

  /** The version that is ordered boots next, and this host reboots. */
  async reboot(order: Order): Promise<void> {
    if (this.#isRebooting) return;
    const { system, updater } = this.#host;
    await this.#obey(order, "reboots", async () => {
      if (order.do === "go-back") await updater.goBack();
      else if ((await updater.outlook()).state.kind !== "ready") await this.#command("activate");
      this.#isRebooting = true;
      // Otherwise it happens by itself, after what prepares the machine.
      if (await isReadyToReboot(system, updater)) await rebootNow(system);
    });
  }

  /** Never rejects: the report has the reason of a failure. */
  async #obey(order: Order, outcome: string, work: () => Promise<void>): Promise<void> {
    const { system, note } = this.#host;
    try {
      if (this.#notedId !== order.id) await note(order, outcome);
      this.#notedId = order.id;
      await work();
    } catch (error) {
      this.#isRebooting = false;
      // A person's command is at work: that is over soon.
      if (isFailure(error, "update-busy")) return;
      system.log.error(`fleet: cannot ${order.do} ${order.version}, as ${order.by} orders`, error);
      this.#failed = { id: order.id, reason: explain(error), again: deadline(system.clock, retryMs) };
    }
  }

  /** @throws {Failure<"update-failed">} with what the status tells about it */
  async #command(command: UpdateCommand, version?: string): Promise<void> {
    const { updater } = this.#host;
    await updater.start(command, version);
    await updater.settled();
    const { failure } = await updater.outlook();
    if (failure !== undefined) throw new Failure("update-failed", failure);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#preparing;
  }
}
