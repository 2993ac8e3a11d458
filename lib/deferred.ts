/**
 * Work for the end of a scope. Unlike that of a `finally`, its failure does not replace the error that ended the scope:
 * `await using` keeps both, and `explain` tells them in order.
 *
 * ```ts
 * await using _removal = deferred(async () => await rm(directory, { recursive: true }));
 * ```
 */
export function deferred(work: () => Promise<unknown>): AsyncDisposable {
  return { [Symbol.asyncDispose]: async () => void (await work()) };
}
