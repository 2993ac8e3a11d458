/**
 * Settings on trial: they return to what they were unless somebody confirms them in time.
 *
 * What has to be taken back is on disk before the settings change, so there is no moment at which power may fail and
 * leave the new settings in force for good. A daemon that is restarted goes on with the same deadline, and so does a
 * machine: some settings can only be tried by a reboot. One that starts after the deadline starts with the old settings.
 * A clock that is set meanwhile moves the moment that people read, and not the time that is left.
 */
import { isDeepStrictEqual } from "node:util";
import type { TrialBody } from "../../api/answers.ts";
import { Refused } from "../../api/client/refused.ts";
import { abortable } from "../../lib/abortable.ts";
import { firstOf } from "../../lib/first-of.ts";
import type { Change, Datastore } from "../datastore/datastore.ts";
import { kept, type KeptTrial } from "../kept/things.ts";
import { msLeft, noteDeadline, readBootId } from "../kept/kept-deadline.ts";
import type { System } from "../machine/system.ts";

const author = { kind: "host", part: "trial" } as const;
const retryMs = 5_000;

export type RevertReason = "nobody confirmed in time" | "as asked";

export class Trial {
  readonly #system: System;
  readonly #datastore: Datastore;
  /** Of this boot; see `kept-deadline.ts`. */
  readonly #bootId: string | undefined;
  #running: KeptTrial | undefined;
  /** Wakes `keep` when a trial starts or ends. */
  #changed = Promise.withResolvers<undefined>();

  private constructor(system: System, datastore: Datastore, bootId: string | undefined) {
    this.#system = system;
    this.#datastore = datastore;
    this.#bootId = bootId;
  }

  /** Takes up a trial that is under way; one whose time is over is reverted before anything uses its settings. */
  static async open(system: System, datastore: Datastore): Promise<Trial> {
    const bootId = await readBootId(system);
    const trial = new Trial(system, datastore, bootId);
    const left = await kept.trial.read(system);
    if (left === undefined) return trial;
    const leftMs = msLeft(system.clock, bootId, left);
    trial.#running = { ...left, ...noteDeadline(system.clock, bootId, leftMs) };
    // Power may have failed before the commit: then there is nothing to wait for.
    const isCommitted = datastore.version >= left.version;
    try {
      if (isCommitted && (await isReverted(datastore, left))) await trial.#end();
      else if (!isCommitted || leftMs <= 0) await trial.revert("nobody confirmed in time");
      else await trial.#note(); // what is left in this boot
    } catch (error) {
      // Everything else must come up all the same; `keep` tries again at once.
      system.log.error("trial: cannot take it up at the start", error);
    }
    return trial;
  }

  current(): TrialBody | undefined {
    if (this.#running === undefined) return undefined;
    const { version, revertsTo } = this.#running;
    return { version, revertsTo, deadline: this.#deadlineNow(this.#running) };
  }

  /** @throws {Refused<"on-trial">} while there is one */
  refuseWhileRunning(): void {
    if (this.#running === undefined) return;
    const until = this.#deadlineNow(this.#running);
    throw new Refused(
      "on-trial",
      `cannot change settings: version ${this.#running.version} is on trial until ${until}`,
      {
        hint: "confirm it with POST /actions/confirm, or end it with POST /actions/revert",
      },
    );
  }

  /** Runs `commit`, which makes `changes`; they are reverted after `seconds` unless confirmed. */
  async start<Committed extends { version: number }>(
    changes: readonly Change[],
    seconds: number,
    commit: () => Promise<Committed>,
  ): Promise<Committed> {
    this.refuseWhileRunning();
    const revertsTo = this.#datastore.version;
    const left = noteDeadline(this.#system.clock, this.#bootId, seconds * 1000);
    const fresh = { version: revertsTo + 1, revertsTo, ...left, changes: [...changes] };
    await kept.trial.replace(this.#system, fresh);
    try {
      const committed = await commit();
      this.#become({ ...fresh, version: committed.version });
      this.#system.log.info(`trial: version ${committed.version} is reverted at ${left.deadline} unless confirmed`);
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
    await this.#end();
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
    await this.#end();
    this.#system.log.info(`trial: version ${version} is reverted: ${reason}`);
    return reverted;
  }

  /** Reverts at the deadline, through `exclusively`, until the signal aborts; then notes what is left. */
  async keep(exclusively: <T>(work: () => Promise<T>) => Promise<T>, signal: AbortSignal): Promise<void> {
    await this.#revertAtDeadlines(exclusively, signal);
    try {
      // The next boot goes by the clock, which may have been set since. Not beside somebody who ends the trial.
      await exclusively(async () => await this.#note());
    } catch (error) {
      this.#system.log.error("trial: cannot note what is left of it", error);
    }
  }

  async #revertAtDeadlines(exclusively: <T>(work: () => Promise<T>) => Promise<T>, signal: AbortSignal): Promise<void> {
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
      await abortable(changed, raced);
      return false;
    };
    if (running === undefined) return firstOf(signal, [change]);
    const leftMs = this.#leftMs(running);
    if (leftMs <= 0) return true;
    const deadline = async (raced: AbortSignal): Promise<boolean> => {
      await this.#system.clock.sleep(leftMs, raced);
      return true;
    };
    return firstOf(signal, [change, deadline]);
  }

  #leftMs(running: KeptTrial): number {
    return msLeft(this.#system.clock, this.#bootId, running);
  }

  /** By the clock as it stands. */
  #deadlineNow(running: KeptTrial): string {
    const noted = Date.parse(running.deadline);
    const now = this.#system.clock.now().getTime() + this.#leftMs(running);
    // The two clocks never go quite alike, and what people read should not tremble.
    return Math.abs(now - noted) < 1000 ? running.deadline : new Date(now).toISOString();
  }

  async #note(): Promise<void> {
    if (this.#running === undefined) return;
    const left = noteDeadline(this.#system.clock, this.#bootId, this.#leftMs(this.#running));
    await kept.trial.replace(this.#system, { ...this.#running, ...left });
  }

  async #end(): Promise<void> {
    await kept.trial.remove(this.#system);
    this.#become(undefined);
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

/** Power may have failed after the settings had returned, and before that was noted. */
async function isReverted(datastore: Datastore, { version }: KeptTrial): Promise<boolean> {
  const since = await datastore.history(datastore.version - version);
  return since.some(({ by, version: later }) => later > version && isDeepStrictEqual(by, author));
}
