/** Waiting for reconcilers, on request only: with a limit of time, and for a limited number of clients. */
import { defined } from "../../../lib/defined.ts";
import type { Applied, PassReportBody } from "../../../api/answers.ts";
import { Refused } from "../../../api/client/refused.ts";
import { isUnder } from "../../../settings/model/key.ts";
import type { PassReport } from "../../reconcile/engine.ts";
import type { Committed } from "../../datastore/datastore.ts";
import type { ApiContext } from "../context.ts";
import { passReportBody } from "./pass-report.ts";

/** Longer than a unit takes that is stopped and started at systemd's own limits. */
const waitMsMost = 240_000;
const waitersMost = 32;
const healthSettings = "settings.updates.health";

export class PassWaiters {
  readonly #context: ApiContext;
  #waiters = 0;

  constructor(context: ApiContext) {
    this.#context = context;
  }

  /** The answer to a change: with the report of the pass that applied it when `wait` asks for it. */
  async applied({ changed, version }: Committed, wait: boolean | undefined, client: AbortSignal): Promise<Applied> {
    const { engine, trial } = this.#context;
    // Nothing was applied for a change that changes nothing; a report of an earlier pass is about something else.
    const isAwaited = wait === true && changed.length > 0;
    const result = isAwaited ? await this.until((signal) => engine.settled(version, signal), client) : undefined;
    const running = trial.current();
    const notes = await this.#notes(changed);
    return {
      changed,
      version,
      ...(notes.length === 0 ? {} : { notes }),
      ...defined({ result, trial: running }),
    };
  }

  async #notes(changed: readonly string[]): Promise<string[]> {
    if (!changed.some((key) => isUnder(key, healthSettings))) return [];
    if ((await this.#context.updater.lastUpdate())?.stage !== "on-trial") return [];
    return [
      `the version on trial is judged by the checks it was started with; ${healthSettings} counts from the next update on`,
    ];
  }

  /** What `work` resolves to; undefined when it takes longer than the limit or the daemon stops. */
  async until(
    work: (signal: AbortSignal) => Promise<PassReport>,
    client: AbortSignal,
  ): Promise<PassReportBody | undefined> {
    if (this.#waiters >= waitersMost) {
      throw new Refused("too-busy", `cannot wait: ${waitersMost} clients are waiting already`, {
        hint: "ask without wait=1, or look at GET /status",
      });
    }
    const limit = AbortSignal.any([client, this.#context.stopping, AbortSignal.timeout(waitMsMost)]);
    this.#waiters++;
    try {
      return passReportBody(await work(limit));
    } catch (error) {
      if (limit.aborted) return undefined;
      throw error;
    } finally {
      this.#waiters--;
    }
  }
}
