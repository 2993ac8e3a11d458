/** How fast a long step goes, and how long it still takes: from the last seconds, not from its start. */

export type Pace = { doneBytes: number; totalBytes: number; bytesPerSecond: number; secondsLeft: number | undefined };

const windowMs = 10_000;

export class ProgressRate {
  #samples: { atMs: number; bytes: number }[] = [];

  /** @param nowMs a clock that never goes back */
  note(nowMs: number, doneBytes: number): void {
    const last = this.#samples.at(-1);
    if (last !== undefined && nowMs - last.atMs < 200 && this.#samples.length > 1) this.#samples.pop();
    this.#samples.push({ atMs: nowMs, bytes: doneBytes });
    while (this.#samples.length > 2 && nowMs - (this.#samples[0]?.atMs ?? nowMs) > windowMs) this.#samples.shift();
  }

  pace(totalBytes: number): Pace {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    const doneBytes = last?.bytes ?? 0;
    const seconds = ((last?.atMs ?? 0) - (first?.atMs ?? 0)) / 1000;
    const bytesPerSecond = seconds > 0 ? Math.round((doneBytes - (first?.bytes ?? 0)) / seconds) : 0;
    const secondsLeft = bytesPerSecond > 0 ? Math.round((totalBytes - doneBytes) / bytesPerSecond) : undefined;
    return { doneBytes, totalBytes, bytesPerSecond, secondsLeft };
  }
}
