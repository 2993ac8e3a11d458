/** Virtual time: what happens next happens now. What is random is drawn from one seed, so that the seed is the whole story. */
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { EventQueue } from "./event-queue.ts";

export class VirtualTime {
  readonly #queue = new EventQueue();
  readonly #random: ReturnType<typeof xoroshiro128plus>;
  readonly #startMs: number;
  nowMs: number;
  /** How many have happened. */
  events = 0;

  constructor(start: Date, seed: number) {
    this.#random = xoroshiro128plus(seed);
    this.#startMs = start.getTime();
    this.nowMs = this.#startMs;
  }

  get now(): Date {
    return new Date(this.nowMs);
  }

  get elapsedMs(): number {
    return this.nowMs - this.#startMs;
  }

  /** When the next event is due; infinite when there is none. */
  get nextMs(): number {
    return this.#queue.nextMs;
  }

  in(ms: number, run: () => void): void {
    this.#queue.put(this.nowMs + ms, run);
  }

  after([least, most]: readonly [number, number], run: () => void): void {
    this.in(this.draw(least, Math.max(least, most)), run);
  }

  every(ms: number, run: () => void): void {
    this.in(ms, () => {
      run();
      this.every(ms, run);
    });
  }

  runNext(): void {
    const event = this.#queue.take();
    if (event === undefined) return;
    this.advanceTo(event.atMs);
    this.events++;
    event.run();
  }

  advanceTo(ms: number): void {
    this.nowMs = Math.max(this.nowMs, ms);
  }

  /** A whole number, each as likely; both bounds count. */
  draw(least: number, most: number): number {
    return uniformInt(this.#random, least, most);
  }

  chance(percent: number): boolean {
    return percent > 0 && this.draw(0, 999_999) < percent * 10_000;
  }
}
