/**
 * Failures an operator can act on, as opposed to bugs.
 *
 * An outcome the caller branches on is returned; a `Failure` ends the operation; a bug is an `assert`.
 * Messages are lower case and read "cannot ‹verb› ‹object›: ‹reason with the actual value›".
 */
/**
 * Every code that a failure may have. Each layer adds its own in its `codes.ts`, so that a code which is misspelt, or
 * asked for and made by nobody, does not compile.
 */
export interface FailureCodes {}
export type FailureCode = keyof FailureCodes;

export class Failure<Code extends FailureCode = FailureCode> extends Error {
  /** Stable; clients switch on it. */
  readonly code: Code;
  /** What the reader can do about it, as a sentence fragment: "run `apiclient update apply` first". */
  readonly hint: string | undefined;

  constructor(code: Code, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.name = "Failure";
    this.code = code;
    this.hint = options.hint;
  }
}

/** True for a `Failure` that carries one of `codes`; for any `Failure` when no code is given. */
export function isFailure<Code extends FailureCode>(error: unknown, ...codes: readonly Code[]): error is Failure<Code> {
  return error instanceof Failure && (codes.length === 0 || codes.some((code) => code === error.code));
}

/** True for the error that Node and Bun throw when a path does not exist. */
export function isNotFound(error: unknown): boolean {
  return systemErrorCode(error) === "ENOENT";
}

/** The errno name ("ENOENT", "EACCES", …) that a system call's error carries. */
export function systemErrorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" && !(error instanceof Failure)
    ? error.code
    : undefined;
}

/** The error's own message, without its causes. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What made an operation fail, where `await using` has put it together with what clearing up met. */
export function firstError(error: unknown): unknown {
  return error instanceof SuppressedError ? firstError(error.suppressed) : error;
}

/** What clearing up after an error met, beside it. */
const aftermaths = new WeakMap<Error, unknown[]>();

/**
 * Clears up after a failure. The failure stays what it was, for whoever asks for its code; what clearing up meets is
 * explained behind it.
 *
 * ```ts
 * catch (error) {
 *   throw await afterFailure(error, async () => await removeIfPresent(temporary));
 * }
 * ```
 */
export async function afterFailure(failure: unknown, clearUp: () => Promise<unknown>): Promise<unknown> {
  try {
    await clearUp();
  } catch (error) {
    if (!(failure instanceof Error)) throw new SuppressedError(error, failure);
    aftermaths.set(failure, [...(aftermaths.get(failure) ?? []), error]);
  }
  return failure;
}

/** What clearing up met, in that order. */
function aftermathOf(error: unknown): unknown[] {
  if (error instanceof SuppressedError) return [...aftermathOf(error.suppressed), error.error];
  return error instanceof Error ? (aftermaths.get(error) ?? []) : [];
}

/** The error and its causes, a line each, what clearing up met, the first hint last; bugs come with their stack. */
export function explain(error: unknown): string {
  const lines: string[] = [];
  const aftermath = aftermathOf(error);
  let hint: string | undefined;
  for (let link = firstError(error), depth = 0; link !== undefined && link !== null && depth < 10; depth++) {
    const expected = link instanceof Failure || systemErrorCode(link) !== undefined;
    const text = link instanceof Error ? (expected ? link.message : (link.stack ?? link.message)) : Bun.inspect(link);
    lines.push(depth === 0 ? text : `  because: ${text}`);
    if (link instanceof Failure) hint ??= link.hint;
    if (!(link instanceof Error)) break;
    if (link.cause instanceof SuppressedError) aftermath.push(...aftermathOf(link.cause));
    link = firstError(link.cause);
  }
  lines.push(...aftermath.map((met) => `  and then: ${messageOf(firstError(met))}`));
  if (hint !== undefined) lines.push(`hint: ${hint}`);
  return lines.join("\n");
}

/** A claim about our own code; when it is false the program has a bug. */
export function assert(claim: boolean, message = "assertion failed"): asserts claim {
  if (!claim) throw new Error(`bug: ${message}`);
}

/** The end of an exhaustive `switch`. */
export function unreachable(value: never): never {
  throw new Error(`bug: unexpected value ${JSON.stringify(value)}`);
}
