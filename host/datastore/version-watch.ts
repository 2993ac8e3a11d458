/** Who waits for settings newer than those they know. */
import { abortable } from "../../lib/abortable.ts";
import { Failure } from "../../lib/failure.ts";

type Watcher = { above: number; resolve: (version: number) => void; reject: (reason: unknown) => void };

export class VersionWatch {
  readonly #watchers = new Set<Watcher>();
  #version: number;
  #closed = false;

  constructor(version: number) {
    this.#version = version;
  }

  reached(version: number): void {
    this.#version = version;
    for (const watcher of this.#watchers) if (version > watcher.above) watcher.resolve(version);
  }

  /** Resolves with the newest version once it is above `version`, at once when it is. */
  async above(version: number, signal: AbortSignal): Promise<number> {
    signal.throwIfAborted();
    if (this.#closed) throw closed();
    if (this.#version > version) return this.#version;
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const watcher = { above: version, resolve, reject };
    this.#watchers.add(watcher);
    try {
      return await abortable(promise, signal);
    } finally {
      this.#watchers.delete(watcher);
    }
  }

  close(): void {
    this.#closed = true;
    for (const { reject } of this.#watchers) reject(closed());
  }
}

function closed(): Failure<"closed"> {
  return new Failure("closed", "cannot wait: the datastore is closed");
}
