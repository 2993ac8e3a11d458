/** How often something has changed, for who waits until it does again. */
import { abortable } from "./abortable.ts";

export class ChangeCount {
  #count = 0;
  readonly #waiting = new Set<() => void>();

  get count(): number {
    return this.#count;
  }

  announce(): void {
    this.#count++;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resolve of waiting) resolve();
  }

  /** Resolves when more has changed than `known` counts, at once when it has. */
  async since(known: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#count > known) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.add(resolve);
    try {
      await abortable(promise, signal);
    } finally {
      this.#waiting.delete(resolve);
    }
  }
}
