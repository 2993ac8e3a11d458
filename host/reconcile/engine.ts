/**
 * Keeps the machine as the settings say: passes over every reconciler now, after each commit, and every five minutes.
 *
 * One pass runs at a time. What failed is tried again soon, and less and less soon while it goes on failing.
 */
import { deadline, type Deadline } from "../../lib/clock.ts";
import { firstOf } from "../../lib/first-of.ts";
import type { Settings } from "../../settings/model.ts";
import type { Facts } from "../facts.ts";
import type { System } from "../system.ts";
import { passFailure } from "./failed-unit.ts";
import type { Effect, Pass, PassFailure, Reconciler } from "./reconciler.ts";

/** Where the engine gets committed settings from. */
export type SettingsSource = {
  current(): { version: number; settings: Settings };
  /** Resolves with the newest version once it is above `version`. */
  changedSince(version: number, signal: AbortSignal): Promise<number>;
};

export type PassReport = {
  /** The version of the settings that were applied. */
  version: number;
  reconcilers: ReconcilerReport[];
};

/** `steps` counts those that were planned, `effects` are those that happened. */
export type ReconcilerReport = { name: string; steps: number; effects: Effect[]; failure?: PassFailure };

export type PlanReport = {
  reconcilers: { name: string; effects: Effect[]; failure?: PassFailure }[];
  rebootNeeded: string[];
};

export type ReconcilerStatus = {
  name: string;
  state: "waiting" | "converged" | "failing";
  /** The version of the settings that its last pass used. */
  version?: number;
  /** Passes that failed in a row. */
  failures: number;
  failure?: PassFailure;
};

/** A machine that drifted without a commit is looked at this often. */
export const driftCheckMs = 5 * 60_000;
const firstRetryMs = 5_000;

/** How long to leave a reconciler alone after it failed so many times in a row. */
export function backoffMs(failures: number): number {
  return Math.min(driftCheckMs, firstRetryMs * 2 ** Math.max(0, failures - 1));
}

type Known = {
  version: number;
  failures: number;
  failure: PassFailure | undefined;
  rebootNeeded: string[];
  retry: Deadline | undefined;
};

export class Engine {
  readonly #system: System;
  readonly #facts: Facts;
  readonly #reconcilers: readonly Reconciler[];
  readonly #source: SettingsSource;
  readonly #known = new Map<string, Known>();
  #last: PassReport | undefined;
  #waiting: { version: number; resolve: (report: PassReport) => void }[] = [];
  /** The tail of the queue of passes. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(
    { system, facts }: { system: System; facts: Facts },
    reconcilers: readonly Reconciler[],
    source: SettingsSource,
  ) {
    this.#system = system;
    this.#facts = facts;
    this.#reconcilers = reconcilers;
    this.#source = source;
  }

  /** One pass of every reconciler with the settings of this moment. Never rejects because of a reconciler. */
  async passAll(): Promise<PassReport> {
    return this.#pass(() => this.#reconcilers);
  }

  /** What `passAll` would do now if these were the settings; changes nothing. */
  async preview(settings: Settings): Promise<PlanReport> {
    const report: PlanReport = { reconcilers: [], rebootNeeded: [] };
    for (const one of this.#reconcilers) {
      try {
        const { effects, rebootNeeded } = await one.preview(this.#system, settings, this.#facts);
        report.reconcilers.push({ name: one.name, effects });
        report.rebootNeeded.push(...rebootNeeded);
      } catch (error) {
        const failure = passFailure([error]);
        report.reconcilers.push({ name: one.name, effects: [], ...(failure === undefined ? {} : { failure }) });
      }
    }
    return report;
  }

  /** The report of the first pass that used `version` or a newer one. */
  async settled(version: number, signal: AbortSignal): Promise<PassReport> {
    signal.throwIfAborted();
    if (this.#last !== undefined && this.#last.version >= version) return this.#last;
    const { promise, resolve, reject } = Promise.withResolvers<PassReport>();
    const waiter = { version, resolve };
    const stop = (): void => {
      this.#waiting = this.#waiting.filter((other) => other !== waiter);
      reject(signal.reason);
    };
    this.#waiting.push(waiter);
    signal.addEventListener("abort", stop, { once: true });
    try {
      return await promise;
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  /** One for each reconciler, in the order they run. */
  status(): ReconcilerStatus[] {
    return this.#reconcilers.map(({ name }) => {
      const known = this.#known.get(name);
      if (known === undefined) return { name, state: "waiting", failures: 0 };
      const { version, failures, failure } = known;
      if (failure === undefined) return { name, state: "converged", version, failures };
      return { name, state: "failing", version, failures, failure };
    });
  }

  /** What is set but only in force after a reboot, as the last passes saw it. */
  rebootNeeded(): string[] {
    return [...this.#known.values()].flatMap(({ rebootNeeded }) => rebootNeeded);
  }

  /** Passes now and whenever there is a reason to, until the signal aborts. Only bugs end it early. */
  async keep(signal: AbortSignal): Promise<void> {
    let report = await this.passAll();
    let drift = deadline(this.#system.clock, driftCheckMs);
    while (!signal.aborted) {
      const version = report.version;
      const waitMs = Math.min(drift.leftMs, ...[...this.#known.values()].map(({ retry }) => retry?.leftMs ?? Infinity));
      let reason: "commit" | "time";
      try {
        reason = await firstOf<"commit" | "time">(signal, [
          async (raced) => (await this.#source.changedSince(version, raced), "commit"),
          async (raced) => (await this.#system.clock.sleep(waitMs, raced), "time"),
        ]);
      } catch (error) {
        if (signal.aborted) return;
        throw error;
      }
      const full = reason === "commit" || drift.passed;
      if (full) drift = deadline(this.#system.clock, driftCheckMs);
      report = await this.#pass(() =>
        this.#reconcilers.filter(({ name }) => full || this.#known.get(name)?.retry?.passed === true),
      );
    }
  }

  /** Passes wait for their turn and take the settings only then, so that a later one never applies older settings. */
  async #pass(chosen: () => readonly Reconciler[]): Promise<PassReport> {
    const before = this.#turn;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.#turn = promise;
    try {
      await before;
      const { version, settings } = this.#source.current();
      const all = this.#last !== undefined && version > this.#last.version;
      const report: PassReport = { version, reconcilers: [] };
      for (const one of all ? this.#reconcilers : chosen()) {
        report.reconcilers.push(await this.#passOne(one, version, settings));
      }
      this.#announce(report);
      return report;
    } finally {
      resolve(undefined);
    }
  }

  async #passOne(one: Reconciler, version: number, settings: Settings): Promise<ReconcilerReport> {
    let pass: Pass;
    try {
      pass = await one.pass(this.#system, settings, this.#facts);
    } catch (error) {
      pass = { steps: 0, effects: [], failures: [error], rebootNeeded: [] };
    }
    const failure = passFailure(pass.failures);
    const before = this.#known.get(one.name);
    if (failure?.message !== before?.failure?.message) {
      // Not each time: what fails is tried again and again.
      for (const error of pass.failures) this.#system.log.error(one.name, error);
      if (failure === undefined) this.#system.log.info(`${one.name}: recovered`);
    }
    const failures = failure === undefined ? 0 : (before?.failures ?? 0) + 1;
    this.#known.set(one.name, {
      version,
      failures,
      failure,
      rebootNeeded: pass.rebootNeeded,
      retry: failures === 0 ? undefined : deadline(this.#system.clock, backoffMs(failures)),
    });
    const report = { name: one.name, steps: pass.steps, effects: pass.effects };
    return failure === undefined ? report : { ...report, failure };
  }

  #announce(report: PassReport): void {
    this.#last = report;
    const served = this.#waiting.filter(({ version }) => version <= report.version);
    this.#waiting = this.#waiting.filter(({ version }) => version > report.version);
    for (const { resolve } of served) resolve(report);
  }
}
