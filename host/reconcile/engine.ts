/**
 * Keeps the machine as the settings say: passes over every reconciler now, after each commit, and every five minutes.
 *
 * One pass runs at a time. What failed, or asked for what the machine does not have, is tried again soon, and less and
 * less soon while that lasts.
 */
import { abortable } from "../../lib/abortable.ts";
import { deadline, type Deadline } from "../../lib/clock.ts";
import { defined } from "../../lib/defined.ts";
import { firstOf } from "../../lib/first-of.ts";
import { Turns } from "../../lib/place.ts";
import type { Settings } from "../../settings/model/model.ts";
import type { Facts } from "../machine/facts.ts";
import type { System } from "../machine/system.ts";
import { failureOf, passFailure, type PassFailure } from "./pass-failure.ts";
import type { Effect, Reconciliation, Reconciler, Setback } from "./reconciler.ts";

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
export type ReconcilerReport = {
  name: string;
  steps: number;
  effects: Effect[];
  failure?: PassFailure;
  /** What failed already with the settings before, and depends on nothing that changed since. */
  failedBefore?: PassFailure;
  /** Those that were not there before. */
  warnings?: string[];
  /** Why the machine has to be booted again for it, unless that was so before. */
  rebootNeeded?: string[];
};

export type PlanReport = {
  reconcilers: { name: string; effects: Effect[]; failure?: PassFailure; warnings?: string[] }[];
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
  /** What the settings ask for and this machine does not have. */
  warnings?: string[];
};

/** A machine that drifted without a commit is looked at this often. */
export const driftCheckMs = 5 * 60_000;
const firstRetryMs = 5_000;

/** How long to leave a reconciler alone after so many incomplete passes in a row. */
export function backoffMs(passes: number): number {
  return Math.min(driftCheckMs, firstRetryMs * 2 ** Math.max(0, passes - 1));
}

/** One reconciler in one pass: `whole` has all that it met, `since` has what is new since its pass before. */
type ReconcilerReports = { whole: ReconcilerReport; since: ReconcilerReport };

type Met = {
  failure: PassFailure | undefined;
  failedBefore: PassFailure | undefined;
  warnings: readonly string[];
  rebootNeeded: readonly string[];
};

type Reported = Pick<ReconcilerReport, keyof Met>;

/** Who committed a version asks for its report soon; each of the clients that may wait finds its own. */
const reportsKept = 32;

type Known = {
  version: number;
  failures: number;
  /** Passes in a row that failed or warned: what the machine lacked may have come since. */
  incomplete: number;
  failure: PassFailure | undefined;
  setbacks: readonly Setback[];
  warnings: readonly string[];
  rebootNeeded: string[];
  retry: Deadline | undefined;
};

export class Engine {
  readonly #system: System;
  readonly #facts: Facts;
  readonly #reconcilers: readonly Reconciler[];
  readonly #source: SettingsSource;
  readonly #known = new Map<string, Known>();
  /** The first pass over all reconcilers of each version, the newest last. */
  #reports: PassReport[] = [];
  #waiting: { version: number; resolve: (report: PassReport) => void }[] = [];
  readonly #turns = new Turns();

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

  /**
   * One pass of every reconciler with the settings of this moment, and all that fails. Never rejects because of a
   * reconciler.
   */
  async passAll(): Promise<PassReport> {
    const { version, reports } = await this.#pass(() => this.#reconcilers);
    return { version, reconcilers: reports.map(({ whole }) => whole) };
  }

  /** What `passAll` would do now if these were the settings; changes nothing. */
  async preview(settings: Settings): Promise<PlanReport> {
    const report: PlanReport = { reconcilers: [], rebootNeeded: [] };
    for (const reconciler of this.#reconcilers) {
      try {
        const { effects, rebootNeeded, warnings } = await reconciler.preview(this.#system, settings, this.#facts);
        report.reconcilers.push({ name: reconciler.name, effects, ...(warnings.length === 0 ? {} : { warnings }) });
        report.rebootNeeded.push(...rebootNeeded);
      } catch (error) {
        report.reconcilers.push({ name: reconciler.name, effects: [], failure: failureOf(error) });
      }
    }
    return report;
  }

  /** The report of the first pass over all reconcilers that used `version` or a newer one. */
  async settled(version: number, signal: AbortSignal): Promise<PassReport> {
    signal.throwIfAborted();
    const known = this.#reports.find((report) => report.version >= version);
    if (known !== undefined) return known;
    const { promise, resolve } = Promise.withResolvers<PassReport>();
    const waiter = { version, resolve };
    this.#waiting.push(waiter);
    try {
      return await abortable(promise, signal);
    } finally {
      this.#waiting = this.#waiting.filter((each) => each !== waiter);
    }
  }

  /** One for each reconciler, in the order they run. */
  status(): ReconcilerStatus[] {
    return this.#reconcilers.map(({ name }) => {
      const known = this.#known.get(name);
      if (known === undefined) return { name, state: "waiting", failures: 0 };
      const { version, failures, failure } = known;
      const state = failure === undefined ? "converged" : "failing";
      return { name, state, version, failures, ...reported({ failure, warnings: known.warnings }) };
    });
  }

  /** What is set but only in force after a reboot, as the last passes saw it. */
  rebootNeeded(): string[] {
    return [...this.#known.values()].flatMap(({ rebootNeeded }) => rebootNeeded);
  }

  /** Passes now and whenever there is a reason to, until the signal aborts. Only bugs end it early. */
  async keep(signal: AbortSignal): Promise<void> {
    let { version } = await this.passAll();
    let drift = deadline(this.#system.clock, driftCheckMs);
    while (!signal.aborted) {
      const passed = version;
      const waitMs = Math.min(drift.leftMs, ...[...this.#known.values()].map(({ retry }) => retry?.leftMs ?? Infinity));
      let reason: "commit" | "time";
      try {
        reason = await firstOf<"commit" | "time">(signal, [
          async (raced) => (await this.#source.changedSince(passed, raced), "commit"),
          async (raced) => (await this.#system.clock.sleep(waitMs, raced), "time"),
        ]);
      } catch (error) {
        if (signal.aborted) return;
        throw error;
      }
      const full = reason === "commit" || drift.passed;
      if (full) drift = deadline(this.#system.clock, driftCheckMs);
      ({ version } = await this.#pass(() =>
        this.#reconcilers.filter(({ name }) => full || this.#known.get(name)?.retry?.passed === true),
      ));
    }
  }

  /** Passes wait for their turn and take the settings only then, so that a later one never applies older settings. */
  async #pass(chosen: () => readonly Reconciler[]): Promise<{ version: number; reports: ReconcilerReports[] }> {
    return await this.#turns.next(async () => {
      const { version, settings } = this.#source.current();
      const covered = this.#reports.at(-1)?.version;
      const isFirst = covered === undefined || version > covered;
      const reports: ReconcilerReports[] = [];
      for (const reconciler of isFirst ? this.#reconcilers : chosen()) {
        reports.push(await this.#reconcile(reconciler, version, settings));
      }
      if (isFirst) this.#announce({ version, reconcilers: reports.map(({ since }) => since) });
      return { version, reports };
    });
  }

  async #reconcile(reconciler: Reconciler, version: number, settings: Settings): Promise<ReconcilerReports> {
    let reconciliation: Reconciliation;
    try {
      reconciliation = await reconciler.reconcile(this.#system, settings, this.#facts);
    } catch (error) {
      const setback = { error, wanted: settings, undone: ["everything"] };
      reconciliation = { steps: 0, effects: [], setbacks: [setback], rebootNeeded: [], warnings: [] };
    }
    const { steps, effects, setbacks, rebootNeeded, warnings } = reconciliation;
    const before = this.#known.get(reconciler.name);
    const failure = passFailure(setbacks);
    this.#log(reconciler.name, reconciliation, failure, before);
    const failures = failure === undefined ? 0 : (before?.failures ?? 0) + 1;
    const incomplete = failure === undefined && warnings.length === 0 ? 0 : (before?.incomplete ?? 0) + 1;
    this.#known.set(reconciler.name, {
      version,
      failures,
      incomplete,
      failure,
      setbacks,
      warnings,
      rebootNeeded,
      retry: incomplete === 0 ? undefined : deadline(this.#system.clock, backoffMs(incomplete)),
    });
    const report = { name: reconciler.name, steps, effects };
    return {
      whole: { ...report, ...reported({ failure, warnings, rebootNeeded }) },
      since: { ...report, ...reported(sinceThen(reconciliation, before)) },
    };
  }

  /** Not each time: what fails is tried again and again. */
  #log(
    name: string,
    { setbacks, warnings }: Reconciliation,
    failure: PassFailure | undefined,
    before: Known | undefined,
  ): void {
    const { log } = this.#system;
    if (failure?.message !== before?.failure?.message) {
      for (const { error } of setbacks) log.error(name, error);
      if (failure === undefined) log.info(`${name}: recovered`);
    }
    for (const warning of warnings) {
      if (before?.warnings.includes(warning) !== true) log.info(`${name}: warning: ${warning}`);
    }
  }

  #announce(report: PassReport): void {
    this.#reports = [...this.#reports, report].slice(-reportsKept);
    const served = this.#waiting.filter(({ version }) => version <= report.version);
    this.#waiting = this.#waiting.filter(({ version }) => version > report.version);
    for (const { resolve } of served) resolve(report);
  }
}

/**
 * What is new in a pass. A setback is old when the pass before had one whose `wanted` is equal: the change of settings
 * did not cause it. A warning or a reason for a reboot is old when the pass before had the same sentence.
 */
function sinceThen({ setbacks, warnings, rebootNeeded }: Reconciliation, before: Known | undefined): Met {
  const wasSo = ({ wanted }: Setback): boolean =>
    before?.setbacks.some((setback) => Bun.deepEquals(setback.wanted, wanted)) === true;
  return {
    failure: passFailure(setbacks.filter((setback) => !wasSo(setback))),
    failedBefore: passFailure(setbacks.filter(wasSo)),
    warnings: warnings.filter((warning) => before?.warnings.includes(warning) !== true),
    rebootNeeded: rebootNeeded.filter((reason) => before?.rebootNeeded.includes(reason) !== true),
  };
}

/** What is empty is absent. */
function reported({ failure, failedBefore, warnings = [], rebootNeeded = [] }: Partial<Met>): Reported {
  return {
    ...defined({ failure, failedBefore }),
    ...(warnings.length === 0 ? {} : { warnings: [...warnings] }),
    ...(rebootNeeded.length === 0 ? {} : { rebootNeeded: [...rebootNeeded] }),
  };
}
