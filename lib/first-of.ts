/** A race whose losers are cancelled. */

/**
 * Starts every contender and settles as the first of them does; the others' signals are aborted then.
 *
 * Returns only once all of them have ended, so nothing is left running: contenders must heed their signal.
 */
export async function firstOf<Result>(
  signal: AbortSignal,
  contenders: readonly ((signal: AbortSignal) => Promise<Result>)[],
): Promise<Result> {
  signal.throwIfAborted();
  const over = new AbortController();
  const raced = AbortSignal.any([signal, over.signal]);
  const running = contenders.map((contender) => contender(raced));
  try {
    return await Promise.race(running);
  } finally {
    over.abort(new Error("another contender was first"));
    await Promise.allSettled(running);
  }
}
