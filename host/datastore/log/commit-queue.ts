/**
 * One commit after the other, and one sync for all that wait.
 *
 * Requests are prepared in the order they came, each against the state that the one before leads to. While the disk
 * syncs, the next ones gather; they are then written together (group commit).
 */
import { Failure } from "../../../lib/failure.ts";
import { waitingCommits } from "./limits.ts";
import type { State } from "../state.ts";

/** A step from a state to the next one. */
export type PreparedCommit = { line: Buffer; next: State };

type Request = (
  | {
      /** Undefined when there is nothing to write. May throw: that refuses this request alone. */
      prepare: (state: State) => PreparedCommit | undefined;
    }
  | { work: (state: State) => Promise<State> }
) & { settle: (outcome: { state: State } | { error: unknown }) => void };

/** A group ends here, so that many large commits do not add up in memory. */
const groupBytes = 256 * 1024;

export class CommitQueue {
  readonly #write: (state: State, lines: Buffer) => Promise<void>;
  readonly #written: (state: State) => void;
  readonly #waiting: Request[] = [];
  #state: State;
  #running: Promise<void> | undefined;
  #closed = false;

  /** `written` is called with every new state once it is durable. */
  constructor(state: State, write: (state: State, lines: Buffer) => Promise<void>, written: (state: State) => void) {
    this.#state = state;
    this.#write = write;
    this.#written = written;
  }

  /** Resolves with the state that the request led to, once that is durable. */
  async add(prepare: (state: State) => PreparedCommit | undefined): Promise<State> {
    return await this.#request({ prepare });
  }

  /** Work that no commit may meet: it begins when those before it are durable, and those after it wait for it. */
  async alone(work: (state: State) => Promise<State>): Promise<State> {
    return await this.#request({ work });
  }

  async #request(
    step: { prepare: (state: State) => PreparedCommit | undefined } | { work: (state: State) => Promise<State> },
  ): Promise<State> {
    if (this.#closed) throw new Failure("closed", "cannot commit: the datastore is closed");
    if (this.#waiting.length >= waitingCommits) {
      throw new Failure("busy", `cannot commit: ${this.#waiting.length} commits are waiting for the disk`);
    }
    const { promise, resolve, reject } = Promise.withResolvers<State>();
    this.#waiting.push({
      ...step,
      settle: (outcome) => ("state" in outcome ? resolve(outcome.state) : reject(outcome.error)),
    });
    this.#running ??= this.#run();
    return promise;
  }

  /** Lets everything that waits come to its end; takes nothing more. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    await Promise.resolve(); // commits of the same moment go together
    while (this.#waiting.length > 0) await this.#next();
    this.#running = undefined;
  }

  async #next(): Promise<void> {
    const [first] = this.#waiting;
    if (first === undefined || !("work" in first)) {
      await this.#group();
      return;
    }
    this.#waiting.shift();
    const before = this.#state;
    try {
      this.#state = await first.work(before);
    } catch (error) {
      first.settle({ error });
      return;
    }
    if (this.#state !== before) this.#written(this.#state);
    first.settle({ state: this.#state });
  }

  async #group(): Promise<void> {
    const before = this.#state;
    const lines: Buffer[] = [];
    const prepared: { settle: Request["settle"]; state: State }[] = [];
    let state = before;
    for (let bytes = 0; bytes < groupBytes;) {
      const [request] = this.#waiting;
      if (request === undefined || "work" in request) break;
      this.#waiting.shift();
      try {
        const step = request.prepare(state);
        if (step !== undefined) {
          lines.push(step.line);
          bytes += step.line.length;
          state = step.next;
        }
        prepared.push({ settle: request.settle, state });
      } catch (error) {
        request.settle({ error }); // whatever it is, it belongs to who asked
      }
    }
    try {
      if (lines.length > 0) await this.#write(before, Buffer.concat(lines));
    } catch (error) {
      for (const { settle } of prepared) settle({ error });
      return;
    }
    this.#state = state;
    if (state !== before) this.#written(state);
    for (const { settle, state: reached } of prepared) settle({ state: reached });
  }
}
