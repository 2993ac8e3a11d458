/** The clocks of a simulated machine: time elapses in sleeps alone, and what people read is set wrong now and then. */
import type { Clock } from "../../../lib/clock.ts";

/** How wrong the clock is from then on. */
export type ClockStep = { hours: number; afterSleeps: number };

export class SimulatedClock implements Clock {
  readonly #startMs: number;
  #elapsedMs = 0;
  #wrongMs = 0;
  #step: ClockStep | undefined;
  #latestMs: number;

  constructor(start: Date) {
    this.#startMs = start.getTime();
    this.#latestMs = this.#startMs;
  }

  now(): Date {
    const nowMs = this.#startMs + this.#elapsedMs + this.#wrongMs;
    this.#latestMs = Math.max(this.#latestMs, nowMs);
    return new Date(nowMs);
  }

  elapsedMs(): number {
    return this.#elapsedMs;
  }

  async sleep(ms: number): Promise<void> {
    this.#elapsedMs += ms;
    if (this.#step !== undefined) this.step({ ...this.#step, afterSleeps: this.#step.afterSleeps - 1 });
  }

  step(step: ClockStep): void {
    this.#step = step.afterSleeps > 0 ? step : undefined;
    if (step.afterSleeps <= 0) this.#wrongMs = step.hours * 3_600_000;
  }

  /** Somebody has read a later time than what it shows. */
  get isBehind(): boolean {
    return this.#startMs + this.#elapsedMs + this.#wrongMs < this.#latestMs;
  }

  /** It is right from now on, and all that it ever showed is past. */
  setRight(): void {
    this.#step = undefined;
    this.#wrongMs = 0;
    this.#elapsedMs = Math.max(this.#elapsedMs, this.#latestMs - this.#startMs);
  }

  copy(): SimulatedClock {
    const copy = new SimulatedClock(new Date(this.#startMs));
    copy.#elapsedMs = this.#elapsedMs;
    copy.#wrongMs = this.#wrongMs;
    copy.#step = this.#step;
    copy.#latestMs = this.#latestMs;
    return copy;
  }
}
