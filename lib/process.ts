/** Running other programs to completion. There is no shell: arguments are an array. */
import { Failure } from "./failure.ts";

export type RunOptions = {
  cwd?: string;
  /** Replaces the environment when given. */
  env?: Record<string, string | undefined>;
  stdin?: string | Uint8Array;
  /** Ends the program with SIGTERM when aborted. */
  signal?: AbortSignal;
};

export type Output = { stdout: string; stderr: string };

/**
 * Runs a program and collects its output as text.
 *
 * @throws {Failure<"exit-status">} unless it exits 0; the message carries the last lines of stderr
 * @throws {Failure<"no-such-program">} when it is not on PATH
 */
export async function run(argv: readonly [string, ...string[]], options: RunOptions = {}): Promise<Output> {
  const { stdout, stderr, exitCode } = await runUnchecked(argv, options);
  if (exitCode === 0) return { stdout, stderr };
  const tail = stderr.trim().split("\n").slice(-5).join("\n") || stdout.trim().split("\n").slice(-5).join("\n");
  throw new Failure("exit-status", `cannot run ${argv.join(" ").slice(0, 300)}: it exited with ${exitCode}: ${tail}`);
}

/** Like `run`, for programs whose exit code is an answer. A program ended by a signal has 128 + its number. */
export async function runUnchecked(
  argv: readonly [string, ...string[]],
  { cwd, env, stdin, signal }: RunOptions = {},
): Promise<Output & { exitCode: number }> {
  signal?.throwIfAborted();
  const child = spawn(argv, {
    ...(cwd === undefined ? {} : { cwd }),
    ...(env === undefined ? {} : { env }),
    ...(signal === undefined ? {} : { signal }),
    stdin: stdin === undefined ? "ignore" : new Blob([stdin as string]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, exitCode] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  signal?.throwIfAborted();
  return { stdout, stderr, exitCode };
}

function spawn<In extends Bun.SpawnOptions.Writable, Out extends Bun.SpawnOptions.Readable>(
  argv: readonly [string, ...string[]],
  options: Bun.SpawnOptions.OptionsObject<In, Out, Out>,
): Bun.Subprocess<In, Out, Out> {
  try {
    return Bun.spawn([...argv], options);
  } catch (error) {
    throw new Failure("no-such-program", `cannot run ${argv[0]}: it was not found or is not executable`, {
      cause: error,
    });
  }
}
