/**
 * A program in a container that runs, beside its first process: `docker exec`.
 *
 * It gets what the container's first process got: user, environment, working directory and privileges. What it leaves
 * behind in containerd and on the disk goes when it is disposed of; what a daemon that died left is taken away by
 * `endLeftovers`.
 */
import { randomBytes } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { machineClock, within } from "../../lib/clock.ts";
import { Failure, systemErrorCode } from "../../lib/failure.ts";
import { namesIn } from "../../lib/files/files.ts";
import { parseJson } from "../../lib/text/json.ts";
import { makeFifo } from "../machine/linux.ts";
import { ifThere, running, type Containerd } from "./containerd/containerd.ts";
import { ConnectError } from "@connectrpc/connect";
import { openToRead, openToWrite, writeAll } from "./pipes.ts";
import { exitStatus } from "./stop-container.ts";

type ConsoleSize = { rows: number; columns: number };

export type Execution = {
  containerd: Containerd;
  containerId: string;
  /** For pipes; one directory below it for each program. */
  directory: string;
  command: readonly string[];
  /** With a terminal, of this size. */
  terminal: { size: ConsoleSize | undefined } | undefined;
};

const SIGHUP = 1;
const SIGKILL = 9;
const SIGTERM = 15;
/** For a program to end by itself when nobody listens any more. */
const endMs = 2_000;
/** When a program has ended, what it started may hold its output open: so long it is waited for more of it. */
const quietMs = 500;

/** Ctrl-D */
const endOfTransmission = Uint8Array.of(4);

/** Every terminal of today knows it, and so do programs. */
const terminalType = "xterm-256color";

const specSchema = z.object({ process: z.looseObject({ env: z.array(z.string()) }) });

/** Its exit code as shells have it. */
export type ProgramExit = { exitCode: number };

export class ExecutedProgram implements AsyncDisposable {
  /** As the host counts; the leader of a session of its own. */
  readonly pid: number;
  readonly ended: Promise<ProgramExit>;
  readonly #execution: Execution;
  readonly #id: string;
  readonly #stdin: FileHandle;
  readonly #outputs: readonly FileHandle[];
  readonly #over = new AbortController();
  /** Nobody reads the input any more. */
  readonly #unread = new AbortController();
  #inputIsOpen = true;
  #isRunning = true;

  constructor(execution: Execution, id: string, pid: number, stdin: FileHandle, outputs: readonly FileHandle[]) {
    this.#execution = execution;
    this.#id = id;
    this.pid = pid;
    this.#stdin = stdin;
    this.#outputs = outputs;
    this.ended = this.#untilEnded();
    this.ended.catch(() => undefined); // its waiters get the rejection themselves
  }

  /** Resolves when the program's pipe has taken all of it. Bytes behind the end of input or of the program are lost. */
  async write(bytes: Uint8Array): Promise<void> {
    if (!this.#inputIsOpen) return;
    try {
      await writeAll(this.#stdin, bytes, this.#unread.signal);
    } catch (error) {
      if (!this.#unread.signal.aborted) throw error;
    }
  }

  /** The program reads the end of its input. */
  async closeInput(): Promise<void> {
    const { containerd, containerId, terminal } = this.#execution;
    // A terminal without input would be gone for output too; there, the end of input is a key.
    if (terminal !== undefined) await this.write(endOfTransmission);
    if (!this.#inputIsOpen || terminal !== undefined) return;
    this.#inputIsOpen = false;
    await this.#stdin.close();
    await unlessEnded(containerd.tasks.closeIO({ containerId, execId: this.#id, stdin: true }));
  }

  async resize({ rows, columns }: ConsoleSize): Promise<void> {
    const { containerd, containerId, terminal } = this.#execution;
    if (terminal === undefined) return;
    await unlessEnded(containerd.tasks.resizePty({ containerId, execId: this.#id, width: columns, height: rows }));
  }

  /**
   * Hands on all output, both streams together, in the order it comes. Resolves when the program has ended and said
   * everything.
   *
   * @param write the next bytes are read when it has resolved
   */
  async relay(write: (bytes: Uint8Array) => Promise<void>): Promise<void> {
    const state = { heardMs: machineClock.elapsedMs(), isTaking: 0, isOver: false };
    const relayed = Promise.all(
      this.#outputs.map(async ({ fd }) => {
        const reader = Bun.file(fd).stream().getReader();
        this.#over.signal.addEventListener("abort", () => void reader.cancel().catch(() => undefined), { once: true });
        for (;;) {
          const { done, value } = await reader.read();
          if (done) return;
          state.isTaking++;
          await write(value);
          state.isTaking--;
          state.heardMs = machineClock.elapsedMs();
        }
      }),
    );
    const quiet = async (): Promise<void> => {
      await this.ended;
      state.heardMs = machineClock.elapsedMs();
      while (!state.isOver && (state.isTaking > 0 || machineClock.elapsedMs() - state.heardMs < quietMs)) {
        await machineClock.sleep(quietMs / 10);
      }
    };
    await Promise.race([relayed, quiet()]);
    state.isOver = true;
    await this.ended;
  }

  /** Ends the program and what is in its group, by force if need be. Resolves when it is gone. */
  async end(): Promise<void> {
    if (!this.#isRunning) return; // somebody else may have its number by now
    const gone = this.ended.catch(() => undefined);
    // Shells with a terminal ignore the usual signal.
    await this.#signal(this.#execution.terminal === undefined ? SIGTERM : SIGHUP);
    await within(machineClock, endMs, gone);
    await this.#signal(SIGKILL);
    await gone;
  }

  /** To the program, and to its group, which it leads: runc gives it a session of its own. */
  async #signal(signal: number): Promise<void> {
    const { containerd, containerId } = this.#execution;
    await unlessEnded(containerd.tasks.kill({ containerId, execId: this.#id, signal }));
    try {
      process.kill(-this.pid, signal);
    } catch (error) {
      // Nobody is left in it; or it became another user, whom containerd may signal and we may not.
      if (systemErrorCode(error) !== "ESRCH" && systemErrorCode(error) !== "EPERM") throw error;
    }
  }

  async #untilEnded(): Promise<ProgramExit> {
    const { containerd, containerId } = this.#execution;
    try {
      return { exitCode: await exitStatus({ containerd, clock: machineClock }, containerId, this.#id) };
    } finally {
      this.#isRunning = false;
      this.#unread.abort(new Error("the program has ended"));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort(new Error("the program is over"));
    if (this.#inputIsOpen) await this.#stdin.close();
    this.#inputIsOpen = false;
    for (const output of this.#outputs) await output.close();
    await removeExecution(this.#execution, this.#id);
  }
}

/**
 * Starts a program in a container.
 *
 * @throws {Failure<"container-not-running" | "cannot-execute">}
 */
export async function execute(execution: Execution): Promise<ExecutedProgram> {
  const { containerd, containerId, directory, command, terminal } = execution;
  const container = await ifThere(containerd.containers.get({ id: containerId }));
  const task = await ifThere(containerd.tasks.get({ containerId }));
  if (container?.container?.spec === undefined || task?.process?.status !== running) {
    throw new Failure("container-not-running", `cannot run a program in ${containerId}: it does not run`);
  }
  const { process: first } = specSchema.parse(parseJson(Buffer.from(container.container.spec.value).toString()));
  const environment = first.env.filter((variable) => !variable.startsWith("TERM="));
  const spec = {
    ...first,
    args: command,
    terminal: terminal !== undefined,
    env: terminal === undefined ? environment : [...environment, `TERM=${terminalType}`],
    ...(terminal?.size === undefined
      ? {}
      : { consoleSize: { height: terminal.size.rows, width: terminal.size.columns } }),
  };

  const id = `apiexec-${randomBytes(8).toString("hex")}`;
  await using stack = new AsyncDisposableStack();
  stack.defer(async () => await removeExecution(execution, id));
  const fifos = join(directory, containerId, id);
  await mkdir(fifos, { recursive: true, mode: 0o700 });
  const opened = async (name: string, how: (path: string) => Promise<FileHandle>): Promise<FileHandle> => {
    makeFifo(join(fifos, name), 0o600);
    const handle = await how(join(fifos, name));
    return stack.adopt(handle, async () => await handle.close());
  };
  const stdin = await opened("stdin", openToWrite);
  const stdout = await opened("stdout", openToRead);
  // A terminal has one way out.
  const stderr = terminal === undefined ? await opened("stderr", openToRead) : undefined;
  try {
    await containerd.tasks.exec({
      containerId,
      execId: id,
      terminal: terminal !== undefined,
      stdin: join(fifos, "stdin"),
      stdout: join(fifos, "stdout"),
      stderr: stderr === undefined ? "" : join(fifos, "stderr"),
      spec: {
        typeUrl: "types.containerd.io/opencontainers/runtime-spec/1/Process",
        value: Buffer.from(JSON.stringify(spec)),
      },
    });
    const { pid } = await containerd.tasks.start({ containerId, execId: id });
    const executed = new ExecutedProgram(execution, id, pid, stdin, stderr === undefined ? [stdout] : [stdout, stderr]);
    stack.move();
    return executed;
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
    throw new Failure("cannot-execute", `cannot run ${command[0] ?? ""} in ${containerId}: ${reasonOf(error)}`);
  }
}

/** The program may end at any moment; containerd has no code for that, only words. */
async function unlessEnded(call: Promise<unknown>): Promise<void> {
  try {
    await ifThere(call);
  } catch (error) {
    if (!(error instanceof ConnectError && /stopped|deleted|finished/.test(error.rawMessage))) throw error;
  }
}

/** What runc says, without those who pass it on. */
function reasonOf({ rawMessage }: ConnectError): string {
  return /(?:exec: )(.*?): unknown$/.exec(rawMessage)?.[1] ?? rawMessage;
}

async function removeExecution({ containerd, containerId, directory }: Execution, id: string): Promise<void> {
  await ifThere(containerd.tasks.deleteProcess({ containerId, execId: id }));
  await rm(join(directory, containerId, id), { recursive: true, force: true });
}

/** Ends what an earlier daemon had started and did not live to take away. */
export async function endLeftovers(containerd: Containerd, directory: string): Promise<void> {
  for (const containerId of await namesIn(directory)) {
    for (const id of await namesIn(join(directory, containerId))) {
      const execution = { containerd, containerId, directory, command: [], terminal: undefined };
      const left = await ifThere(containerd.tasks.get({ containerId, execId: id }));
      if (left?.process?.status === running) {
        await ifThere(containerd.tasks.kill({ containerId, execId: id, signal: SIGKILL }));
        await ifThere(containerd.tasks.wait({ containerId, execId: id }));
      }
      await removeExecution(execution, id);
    }
  }
}
