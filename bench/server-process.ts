/** A server that a benchmark starts: waits until it answers, measures its memory, and ends it. */
import { readFile } from "node:fs/promises";
import { deadline, machineClock } from "../lib/clock.ts";
import { Failure } from "../lib/failure.ts";
import { type RunningProgram, start } from "../lib/program/program.ts";

const answerTimeoutMs = 20_000;

export class ServerProcess implements AsyncDisposable {
  readonly #child: RunningProgram<"ignore", "pipe">;

  private constructor(child: RunningProgram<"ignore", "pipe">) {
    this.#child = child;
  }

  /** @throws {Failure<"no-answer">} with the server's last lines, when it does not answer on the socket */
  static async start(argv: readonly [string, ...string[]], socket: string, target: string): Promise<ServerProcess> {
    const server = new ServerProcess(start(argv, { stdout: "ignore", stderr: "pipe" }));
    const patience = deadline(machineClock, answerTimeoutMs);
    while (!(await answers(socket, target))) {
      if (!server.#child.hasEnded && !patience.passed) {
        await machineClock.sleep(20);
        continue;
      }
      await server[Symbol.asyncDispose]();
      const lastLines = (await server.#child.stderr.text()).trim().split("\n").slice(-5).join("\n");
      throw new Failure("no-answer", `cannot get an answer of ${argv.join(" ")}: ${lastLines}`);
    }
    return server;
  }

  /** Resident memory now. Source: proc_pid_status(5). */
  async residentBytes(): Promise<number> {
    const status = await readFile(`/proc/${this.#child.pid}/status`, "utf8");
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.end();
  }
}

async function answers(socket: string, target: string): Promise<boolean> {
  try {
    return (await fetch(`http://localhost${target}`, { unix: socket })).ok;
  } catch (error) {
    if (error instanceof Error && "code" in error) return false; // nobody listens yet
    throw error;
  }
}
