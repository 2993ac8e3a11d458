/**
 * What the simulator knows of a setting that may be on trial: what was acknowledged, what an operation at work may leave
 * beside it, and what a start makes of either.
 */
import type { Json } from "../../../lib/text/json.ts";
import { claim } from "./datastore-model.ts";

/** A moment of a life: the time, how far the clock is from it, the boot and when that began. */
export type Moment = { nowMs: number; wrongMs: number; boot: number; startedAtMs: number };

/** What was acknowledged. */
type Settled = { motd: Json | undefined; trial?: SettledTrial };
/** Times are right ones; `noted` is when the deadline was written last, and how wrong the clock was then. */
type SettledTrial = { before: Json | undefined; endsAtMs: number; noted: Noted };
type Noted = { atMs: number; wrongMs: number; boot: number };

export class TrialModel {
  /** What may be found: what was acknowledged, and what an operation at work leads to. */
  #possible: Settled[] = [{ motd: undefined }];

  copy(): TrialModel {
    const copy = new TrialModel();
    copy.#possible = this.#possible;
    return copy;
  }

  get now(): Settled {
    const [now = { motd: undefined }] = this.#possible;
    return now;
  }

  /** All that is expected, for messages and to tell states apart. */
  describe(): string {
    return JSON.stringify(this.#possible);
  }

  /** A value with or without a trial. Until `act` is done, the settings before it may be found, and those after it. */
  async become(motd: Json | undefined, act: () => Promise<unknown>, trial?: SettledTrial): Promise<void> {
    const next = trial === undefined ? { motd } : { motd, trial };
    this.#possible = [...this.#possible, next];
    await act();
    this.#possible = [next];
  }

  /** A trial of so many seconds that begins now. */
  trialOf(seconds: number, moment: Moment): SettledTrial {
    return { before: this.now.motd, endsAtMs: moment.nowMs + seconds * 1000, noted: notedAt(moment) };
  }

  /** The daemon ends, and may have noted the deadline once more. */
  daemonEnds(moment: Moment): void {
    const { now } = this;
    if (now.trial === undefined) return;
    this.#possible = [...this.#possible, { ...now, trial: { ...now.trial, noted: notedAt(moment) } }];
  }

  /** The daemon starts. The deadline is noted anew, or the trial ends: until that is done, either may be found. */
  daemonStarts(moment: Moment): void {
    this.#possible = [...this.#possible, ...this.#possible.map((each) => atStart(each, moment))];
  }

  /** @param deadline of the trial that is found, by the clock of the host */
  accept(motd: Json | undefined, deadline: string | undefined, moment: Moment): void {
    const found = this.#possible
      .map((each) => atStart(each, moment))
      .find((each) => each.motd === motd && isDeadlineOf(each.trial, deadline, moment));
    const onTrial = deadline === undefined ? "" : ", on trial";
    claim(found !== undefined, `the host has ${JSON.stringify(motd)}${onTrial}, expected of ${this.describe()}`);
    this.#possible = [found];
  }
}

function notedAt({ nowMs, wrongMs, boot }: Moment): Noted {
  return { atMs: nowMs, wrongMs, boot };
}

/** What settings become when the daemon starts: another boot goes by its clock, and grants no more than was left. */
function atStart(settled: Settled, moment: Moment): Settled {
  const { trial } = settled;
  if (trial === undefined) return settled;
  const { endsAtMs, noted } = trial;
  const byClockMs = endsAtMs - (moment.wrongMs - noted.wrongMs);
  const mostMs = moment.startedAtMs + (endsAtMs - noted.atMs);
  const newEndMs = noted.boot === moment.boot ? endsAtMs : Math.min(byClockMs, mostMs);
  if (newEndMs <= moment.nowMs) return { motd: trial.before };
  return { ...settled, trial: { ...trial, endsAtMs: newEndMs, noted: notedAt(moment) } };
}

function isDeadlineOf(trial: SettledTrial | undefined, deadline: string | undefined, { wrongMs }: Moment): boolean {
  if (trial === undefined || deadline === undefined) return trial === undefined && deadline === undefined;
  return Math.abs(Date.parse(deadline) - wrongMs - trial.endsAtMs) <= 1000;
}
