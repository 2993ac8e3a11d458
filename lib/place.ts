/**
 * A place for one piece of work at a time.
 *
 * Who checks that nothing runs and then awaits has checked nothing: the place is taken in the same step, before the
 * first await, and given back whatever becomes of the work.
 *
 * ```ts
 * using _work = this.#place.acquire("release");
 * ```
 */
export class Place<Work> {
  readonly #busy: (work: Work) => Error;
  #work: { work: Work } | undefined;

  /** @param busy what `acquire` throws while there is other work */
  constructor(busy: (work: Work) => Error) {
    this.#busy = busy;
  }

  /** What holds the place now. */
  get work(): Work | undefined {
    return this.#work?.work;
  }

  /** For a look only: work acquires the place instead. */
  assertFree(): void {
    if (this.#work !== undefined) throw this.#busy(this.#work.work);
  }

  /** Disposing of it gives the place back; doing so twice takes it from nobody. */
  acquire(work: Work): Disposable {
    this.assertFree();
    const occupant = { work };
    this.#work = occupant;
    return {
      [Symbol.dispose]: () => {
        if (this.#work === occupant) this.#work = undefined;
      },
    };
  }
}

/** A queue of work that happens one after the other, in the order in which it came. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs `work` when all work before it has ended, whether well or not. */
  async next<Result>(work: () => Promise<Result>): Promise<Result> {
    const before = this.#last;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.#last = promise;
    await before;
    try {
      return await work();
    } finally {
      resolve(undefined);
    }
  }
}
