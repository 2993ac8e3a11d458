/**
 * Running other programs to completion.
 *
 * What a program may cost has a limit: its time, and the bytes that it prints. One that is over its limit gets SIGTERM,
 * and SIGKILL soon after, together with all that it has started. Its output is not waited for then, nor long after it
 * has ended by itself: what left its process group may hold the pipes for ever.
 */
import type { ReadableStreamDefaultReader } from "node:stream/web";
import { abortable } from "../abortable.ts";
import { EndOf } from "../files/read-to-end.ts";
import { machineClock, within } from "../clock.ts";
import { Failure } from "../failure.ts";
import { type Argv, start, type StartOptions } from "./program.ts";

export type { Argv } from "./program.ts";

export type RunOptions = Pick<StartOptions<"pipe", "pipe">, "cwd" | "env"> & {
  stdin?: string | Uint8Array | ReadableStream<Uint8Array> | undefined;
  /** Four hours unless given. */
  limitMs?: number | undefined;
  /** Of stdout, and of stderr as well; 64 MiB unless given. */
  outputBytesMost?: number | undefined;
  /** Keeps the end of what is longer than that, instead of ending the program. */
  keepsEnd?: boolean | undefined;
  /** Ends the program when it aborts. */
  signal?: AbortSignal | undefined;
};

export type Output = { stdout: string; stderr: string };

/** Of a program that a signal ended, the exit code is 128 + its number. */
export type Answer = Output & { exitCode: number };

/** Compiling a kubelet on a small machine takes the better part of one. */
const usualLimitMs = 4 * 3_600_000;
const usualOutputBytes = 64 * 1024 * 1024;
/** How long the pipes of a program that has ended may be silent before nothing more is expected of them. */
const silenceMs = 2_000;
const shownLength = 300;

/**
 * Runs a program and collects its output as text.
 *
 * @throws {Failure<"exit-status">} unless it exits 0; the message carries the last lines of what it printed
 * @throws {Failure<"no-such-program" | "cannot-start" | "timed-out" | "too-much-output">}
 */
export async function run(argv: Argv, options: RunOptions = {}): Promise<Output> {
  return succeeded(argv, await ask(argv, options));
}

/**
 * Like `run`, for programs whose exit code is an answer.
 *
 * @throws {Failure<"no-such-program" | "cannot-start" | "timed-out" | "too-much-output">}
 */
export async function ask(argv: Argv, options: RunOptions = {}): Promise<Answer> {
  const { signal, limitMs = usualLimitMs, outputBytesMost = usualOutputBytes, cwd, env, stdin, keepsEnd } = options;
  signal?.throwIfAborted();
  const over = new AbortController();
  const fail = (code: "timed-out" | "too-much-output", why: string): void =>
    over.abort(new Failure(code, `cannot run ${shown(argv)}: ${why}`));
  const limited = signal === undefined ? over.signal : AbortSignal.any([signal, over.signal]);
  await using program = start(argv, {
    cwd,
    env,
    stdin: typeof stdin === "string" ? Buffer.from(stdin) : stdin,
    stdout: "pipe",
    stderr: "pipe",
  });
  const done = new AbortController();
  void machineClock.sleep(limitMs, done.signal).then(
    () => fail("timed-out", `not done after ${limitMs / 1000} s`),
    () => undefined, // done in time
  );
  const overflow =
    keepsEnd === true ? undefined : (): void => fail("too-much-output", `it prints more than ${outputBytesMost} bytes`);
  using stdout = new Printed(program.stdout, outputBytesMost, overflow);
  using stderr = new Printed(program.stderr, outputBytesMost, overflow);
  try {
    const exitCode = await abortable(program.exited, limited);
    await abortable(Promise.all([stdout.complete(), stderr.complete()]), limited);
    return { stdout: stdout.text(), stderr: stderr.text(), exitCode };
  } finally {
    done.abort();
  }
}

/** @throws {Failure<"exit-status">} unless the program of `argv` answered with 0 */
export function succeeded(argv: Argv, { stdout, stderr, exitCode }: Answer): Output {
  if (exitCode === 0) return { stdout, stderr };
  const tail = (stderr.trim() || stdout.trim()).split("\n").slice(-8).join("\n");
  throw new Failure("exit-status", `cannot run ${shown(argv)}: it exited with ${exitCode}: ${tail}`);
}

const shown = (argv: Argv): string => argv.join(" ").slice(0, shownLength);

/** What comes out of a pipe. Disposing of it closes our end. */
class Printed implements Disposable {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #chunks: EndOf;
  readonly #end: Promise<void>;
  #bytes = 0;

  /** @param overflow undefined to keep the end of what is longer */
  constructor(pipe: ReadableStream<Uint8Array>, bytesMost: number, overflow: (() => void) | undefined) {
    this.#reader = pipe.getReader();
    this.#chunks = new EndOf(bytesMost);
    this.#end = this.#read(bytesMost, overflow);
    this.#end.catch(() => undefined); // its waiters get the rejection themselves
  }

  /** Resolves when the pipe is closed, or has been silent for long enough. */
  async complete(): Promise<void> {
    for (let heard = -1; heard < this.#bytes;) {
      heard = this.#bytes;
      const isClosed = this.#end.then(() => true);
      if ((await within(machineClock, silenceMs, isClosed)) === true) return;
    }
  }

  text(): string {
    return new TextDecoder().decode(this.#chunks.bytes());
  }

  [Symbol.dispose](): void {
    this.#reader.cancel().catch(() => undefined); // closed already
  }

  async #read(bytesMost: number, overflow: (() => void) | undefined): Promise<void> {
    for (;;) {
      const { done, value } = await this.#reader.read();
      if (done) return;
      this.#bytes += value.length;
      if (this.#bytes > bytesMost && overflow !== undefined) return overflow();
      this.#chunks.add(value);
    }
  }
}
