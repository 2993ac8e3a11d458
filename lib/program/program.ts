/** Programs that run beside this one. Nothing else in the tree starts one: `run` and `ask` of `process.ts` come here too. */
import { statSync } from "node:fs";
import { machineClock, within } from "../clock.ts";
import { defined } from "../defined.ts";
import { Failure, systemErrorCode } from "../failure.ts";

export type Argv = readonly [string, ...string[]];

type Out = "pipe" | "inherit" | "ignore" | number;

export type StartOptions<Stdout extends Out, Stderr extends Out> = {
  cwd?: string | undefined;
  /** Replaces the environment. */
  env?: Record<string, string | undefined> | undefined;
  /** Empty unless given. */
  stdin?: "inherit" | Uint8Array | ReadableStream<Uint8Array> | undefined;
  stdout: Stdout;
  stderr: Stderr;
  /**
   * "own" unless given: the program and what it starts are ended together. In "ours", Ctrl-C at the terminal reaches it.
   * What "outlives us" goes on when this process ends.
   */
  session?: "own" | "ours" | "outlives us" | undefined;
  /** Sends SIGTERM when it aborts. */
  signal?: AbortSignal | undefined;
};

/** For a program that is used as if it had been called instead of us: Ctrl-C reaches it from the terminal. */
export const atTheTerminal = { stdin: "inherit", stdout: "inherit", stderr: "inherit", session: "ours" } as const;

/** From SIGTERM to SIGKILL, unless the caller knows better. */
const graceMs = 2_000;
/** SIGKILL is not felt by what waits for a broken disk. */
const dyingMs = 2_000;

/**
 * Starts a program; there is no shell, arguments are an array.
 *
 * @throws {Failure<"no-such-program">}
 * @throws {Failure<"cannot-start">} for every other reason, such as a directory that is not there
 */
export function start<Stdout extends Out, Stderr extends Out>(
  argv: Argv,
  options: StartOptions<Stdout, Stderr>,
): RunningProgram<Stdout, Stderr> {
  return new RunningProgram(argv, options);
}

/** One that was started. Disposing of it ends it, with all that it has started, and returns when it is gone. */
export class RunningProgram<Stdout extends Out = Out, Stderr extends Out = Out> implements AsyncDisposable {
  readonly #child: Bun.Subprocess<Bun.SpawnOptions.Writable, Stdout, Stderr>;
  readonly #hasOwnGroup: boolean;

  constructor(argv: Argv, options: StartOptions<Stdout, Stderr>) {
    const { stdin, stdout, stderr, session = "own", cwd, env, signal } = options;
    signal?.throwIfAborted();
    this.#hasOwnGroup = session !== "ours";
    try {
      this.#child = Bun.spawn([...argv], {
        ...defined({ cwd, env }),
        stdin: stdin ?? "ignore",
        stdout,
        stderr,
        detached: this.#hasOwnGroup,
      });
    } catch (error) {
      throw startFailure(argv, cwd, error);
    }
    if (session === "outlives us") this.#child.unref();
    else endWithUs(this);
    const terminate = (): void => this.send("SIGTERM");
    signal?.addEventListener("abort", terminate, { once: true });
    void this.#child.exited.then(() => signal?.removeEventListener("abort", terminate));
  }

  get pid(): number {
    return this.#child.pid;
  }

  get stdout(): Bun.Subprocess<Bun.SpawnOptions.Writable, Stdout, Stderr>["stdout"] {
    return this.#child.stdout;
  }

  get stderr(): Bun.Subprocess<Bun.SpawnOptions.Writable, Stdout, Stderr>["stderr"] {
    return this.#child.stderr;
  }

  /** The exit code; 128 + its number for a program that a signal ended. */
  get exited(): Promise<number> {
    return this.#child.exited;
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** To all that it has started as well, unless its session is ours. */
  send(signal: "SIGTERM" | "SIGKILL"): void {
    try {
      process.kill(this.#hasOwnGroup ? -this.pid : this.pid, signal);
    } catch (error) {
      if (systemErrorCode(error) !== "ESRCH") throw error;
    }
  }

  /** SIGTERM, and SIGKILL to whatever is left after the grace. Does nothing when it has ended by itself. */
  async end(grace = graceMs): Promise<void> {
    if (this.hasEnded) return;
    this.send("SIGTERM");
    await this.endsWithin(grace);
    this.send("SIGKILL");
    await this.endsWithin(dyingMs);
    this.#child.unref();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }

  /** Resolves when it has ended, and after that time at the latest. */
  async endsWithin(ms: number): Promise<void> {
    await within(machineClock, ms, this.#child.exited);
  }
}

/** Those that run and are in sessions of their own, where no terminal reaches them. */
const running = new Set<RunningProgram>();
const endRunning = (): void => {
  for (const program of running) program.send("SIGTERM");
};

function endWithUs(program: RunningProgram): void {
  if (!process.listeners("exit").includes(endRunning)) process.on("exit", endRunning);
  running.add(program);
  void program.exited.then(() => running.delete(program));
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: "it is not executable",
  ENOEXEC: "it is not a program of this machine",
  E2BIG: "its arguments and environment are too long",
  EMFILE: "this process has too many open files",
  ENFILE: "the machine has too many open files",
  EAGAIN: "there are too many processes",
  ENOMEM: "there is not enough memory",
};

function startFailure([program]: Argv, cwd: string | undefined, cause: unknown): Failure {
  const code = systemErrorCode(cause) ?? "";
  // The system call has one error for both.
  if (cwd !== undefined && (code === "ENOENT" || code === "ENOTDIR") && !isDirectory(cwd)) {
    return new Failure("cannot-start", `cannot run ${program} in ${cwd}: there is no such directory`, { cause });
  }
  if (code !== "ENOENT") {
    return new Failure("cannot-start", `cannot run ${program}: ${reasons[code] ?? "it cannot be started"}`, { cause });
  }
  const isFile = program.includes("/") && statSync(program, { throwIfNoEntry: false }) !== undefined;
  const why = isFile ? "its interpreter was not found" : "it was not found";
  return new Failure("no-such-program", `cannot run ${program}: ${why}`, { cause });
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
