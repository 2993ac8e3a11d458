/**
 * Settings on trial: they return to what they were unless somebody confirms them in time.
 *
 * What has to be taken back is on disk before the settings change, so there is no moment at which power may fail and
 * leave the new settings in force for good. A daemon that is restarted goes on with the same deadline, and so does a
 * machine: some settings can only be tried by a reboot. One that starts after the deadline starts with the old settings.
 */
import type { TrialBody } from "../api/answers.ts";
import { Refused } from "../api/refused.ts";
import { firstOf } from "../lib/first-of.ts";
import type { Change, Datastore } from "./datastore/datastore.ts";
import { kept, type KeptTrial } from "./kept/things.ts";
import type { System } from "./system.ts";

const author = { kind: "host", part: "trial" } as const;
const retryMs = 5_000;

export type RevertReason = "nobody confirmed in time" | "as asked";

export class Trial {
  readonly #system: System;
  readonly #datastore: Datastore;
  #running: KeptTrial | undefined;
  /** Wakes `keep` when a trial starts or ends. */
  #changed = Promise.withResolvers<undefined>();

  private constructor(system: System, datastore: Datastore) {
    this.#system = system;
    this.#datastore = datastore;
  }

  /** Takes up a trial that is under way; one whose time is over is reverted before anything uses its settings. */
  static async open(system: System, datastore: Datastore): Promise<Trial> {
    const trial = new Trial(system, datastore);
    const left = await kept.trial.read(system);
    if (left === undefined) return trial;
    const nowMs = system.clock.now().getTime();
    // A clock that is wrong when the daemon starts must not make a trial longer than it was asked to be.
    const deadlineMs = Math.min(Date.parse(left.deadline), nowMs + left.seconds * 1000);
    trial.#running = { ...left, deadline: new Date(deadlineMs).toISOString() };
    // Power may have failed before the commit: then there is nothing to wait for.
    const isCommitted = datastore.version >= left.version;
    if (isCommitted && deadlineMs > nowMs) return trial;
    try {
      await trial.revert("nobody confirmed in time");
    } catch (error) {
      // Everything else must come up all the same; `keep` tries again at once.
      system.log.error("trial: cannot revert at the start", error);
    }
    return trial;
  }

  current(): TrialBody | undefined {
    if (this.#running === undefined) return undefined;
    const { version, revertsTo, deadline } = this.#running;
    return { version, revertsTo, deadline };
  }

  /** @throws {Refused<"on-trial">} while there is one */
  refuseWhileRunning(): void {
    if (this.#running === undefined) return;
    const { version, deadline } = this.#running;
    throw new Refused("on-trial", `cannot change settings: version ${version} is on trial until ${deadline}`, {
      hint: "confirm it with POST /actions/confirm, or end it with POST /actions/revert",
    });
  }

  /** Runs `commit`, which makes `changes`; they are reverted after `seconds` unless confirmed. */
  async start<Committed extends { version: number }>(
    changes: readonly Change[],
    seconds: number,
    commit: () => Promise<Committed>,
  ): Promise<Committed> {
    this.refuseWhileRunning();
    const revertsTo = this.#datastore.version;
    const deadline = new Date(this.#system.clock.now().getTime() + seconds * 1000).toISOString();
    const fresh = { version: revertsTo + 1, revertsTo, seconds, deadline, changes: [...changes] };
    await kept.trial.replace(this.#system, fresh);
    try {
      const committed = await commit();
      this.#become({ ...fresh, version: committed.version });
      this.#system.log.info(`trial: version ${committed.version} is reverted at ${deadline} unless confirmed`);
      return committed;
    } catch (error) {
      try {
        await kept.trial.remove(this.#system);
      } catch (refusal) {
        // The next start finds that the version was not committed.
        this.#system.log.error("trial: cannot remove the note of a trial that did not begin", refusal);
      }
      throw error;
    }
  }

  /** @throws {Refused<"no-trial">} */
  async confirm(): Promise<void> {
    const { version } = this.#needed("confirm");
    await kept.trial.remove(this.#system);
    this.#become(undefined);
    this.#system.log.info(`trial: version ${version} is confirmed`);
  }

  /** @throws {Refused<"no-trial">} */
  async revert(reason: RevertReason): Promise<{ version: number; changed: string[] }> {
    const { version, changes } = this.#needed("revert");
    const values = new Map(this.#datastore.values);
    // Only the host itself can have changed them again: it finds a value for a setting that was deleted on trial.
    for (const { key, before } of changes) {
      if (before === undefined) values.delete(key);
      else values.set(key, before);
    }
    const reverted = await this.#datastore.replace(values, author, `revert the trial of version ${version}: ${reason}`);
    await kept.trial.remove(this.#system);
    this.#become(undefined);
    this.#system.log.info(`trial: version ${version} is reverted: ${reason}`);
    return reverted;
  }

  /** Reverts at the deadline, through `exclusively`, until the signal aborts. */
  async keep(exclusively: <T>(work: () => Promise<T>) => Promise<T>, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const running = this.#running;
      try {
        if (!(await this.#isDue(running, signal))) continue;
        await exclusively(async () => {
          // It may have been confirmed while this waited for its turn.
          if (this.#running === running) await this.revert("nobody confirmed in time");
        });
      } catch (error) {
        if (signal.aborted) return;
        this.#system.log.error("trial: cannot revert, trying again soon", error);
        await this.#system.clock.sleep(retryMs, signal).catch(() => undefined); // the loop looks at the signal
      }
    }
  }

  /** Waits for the deadline, or for another trial to be the current one; true for the deadline. */
  async #isDue(running: KeptTrial | undefined, signal: AbortSignal): Promise<boolean> {
    const changed = this.#changed.promise;
    const change = async (raced: AbortSignal): Promise<boolean> => {
      const aborted = Promise.withResolvers<undefined>();
      const stop = (): void => aborted.resolve(undefined);
      raced.addEventListener("abort", stop, { once: true });
      await Promise.race([changed, aborted.promise]);
      raced.removeEventListener("abort", stop);
      return false;
    };
    if (running === undefined) return firstOf(signal, [change]);
    const remainingMs = Date.parse(running.deadline) - this.#system.clock.now().getTime();
    if (remainingMs <= 0) return true;
    const deadline = async (raced: AbortSignal): Promise<boolean> => {
      await this.#system.clock.sleep(remainingMs, raced);
      return true;
    };
    return firstOf(signal, [change, deadline]);
  }

  #needed(verb: string): KeptTrial {
    if (this.#running === undefined) throw new Refused("no-trial", `cannot ${verb}: no settings are on trial`);
    return this.#running;
  }

  #become(running: KeptTrial | undefined): void {
    this.#running = running;
    this.#changed.resolve(undefined);
    this.#changed = Promise.withResolvers<undefined>();
  }
}
