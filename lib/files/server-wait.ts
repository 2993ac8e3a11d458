/**
 * How long a server may take. What counts is the time that it is waited for: while whoever reads its bytes is busy with
 * them, with a slow disk for example, no time counts against it.
 */
import { machineClock } from "../clock.ts";
import { Failure } from "../failure.ts";

export type Patience = {
  /** Nothing may come for so long. */
  stallMs: number;
  /** Slower than so many bytes in so much time of waiting is as good as nothing. */
  slowest?: { bytes: number; waitedMs: number };
};

/** One answer of a server, from the request to the last byte. */
export class ServerWait {
  readonly #patience: Patience;
  #waitedMs = 0;
  #window = { startedMs: 0, bytes: 0 };

  constructor(patience: Patience) {
    this.#patience = patience;
  }

  get waitedMs(): number {
    return this.#waitedMs;
  }

  /**
   * What the server sends next, if it does in time. What never came is still awaited: the caller ends it.
   *
   * @throws {Failure<"stalled">}
   */
  async next<Part>(part: Promise<Part>): Promise<Part> {
    const { stallMs } = this.#patience;
    const silence = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => silence.reject(new Failure("stalled", `nothing came for ${stallMs / 1000} s`)),
      stallMs,
    );
    const startedMs = machineClock.elapsedMs();
    try {
      return await Promise.race([part, silence.promise]);
    } finally {
      clearTimeout(timer);
      this.#waitedMs += machineClock.elapsedMs() - startedMs;
    }
  }

  /** Counts what came. @throws {Failure<"too-slow">} when too little came over a whole window */
  note(bytes: number): void {
    const { slowest } = this.#patience;
    if (slowest === undefined) return;
    this.#window.bytes += bytes;
    const windowMs = this.#waitedMs - this.#window.startedMs;
    if (windowMs <= slowest.waitedMs) return;
    if (this.#window.bytes / windowMs < slowest.bytes / slowest.waitedMs) {
      throw new Failure("too-slow", `only ${this.#window.bytes} bytes came in ${Math.round(windowMs / 1000)} s`);
    }
    this.#window = { startedMs: this.#waitedMs, bytes: 0 };
  }
}
