/**
 * A client of the QEMU Machine Protocol: commands to a running QEMU as JSON lines over a unix socket.
 *
 * Source: docs/interop/qmp-spec.rst of QEMU. One command at a time, which is all we need.
 */
import type { Socket } from "node:net";
import { createInterface } from "node:readline";
import { z } from "zod";
import { afterFailure, Failure } from "../../lib/failure.ts";
import { parseJson } from "../../lib/text/json.ts";
import { connectUnix } from "./unix-socket.ts";

const answerTimeoutMs = 10_000;

const line = z.union([
  z.object({ QMP: z.object({ version: z.unknown() }) }),
  z.object({ event: z.string() }),
  z.object({ return: z.unknown() }),
  z.object({ error: z.object({ class: z.string(), desc: z.string() }) }),
]);
type Line = z.infer<typeof line>;

export class Qmp implements AsyncDisposable {
  readonly #socket: Socket;
  readonly #received: Line[] = [];
  #wake: () => void = () => undefined;
  #ended: unknown;

  private constructor(socket: Socket) {
    this.#socket = socket;
    const lines = createInterface({ input: socket }).on("line", (text) => this.#receive(text));
    for (const source of [lines, socket]) source.on("error", (error: unknown) => this.#end(error));
    socket.on("close", () => this.#end(new Error("the connection was closed")));
  }

  /** @throws {Failure<"cannot-connect" | "qmp-failed">} */
  static async connect(path: string): Promise<Qmp> {
    const qmp = new Qmp(await connectUnix(path));
    try {
      await qmp.#next("the handshake", (received) => "QMP" in received && received);
      await qmp.execute("qmp_capabilities");
      return qmp;
    } catch (error) {
      throw await afterFailure(error, async () => {
        await qmp[Symbol.asyncDispose]();
      });
    }
  }

  /**
   * Runs one command and gives what it returns.
   *
   * @throws {Failure<"qmp-failed">} when QEMU refuses it or goes away
   */
  async execute(command: string, parameters: Record<string, unknown> = {}): Promise<unknown> {
    this.#socket.write(`${JSON.stringify({ execute: command, arguments: parameters })}\n`);
    const answer = await this.#next(command, (received) => ("return" in received || "error" in received) && received);
    if ("return" in answer) return answer.return;
    throw new Failure("qmp-failed", `cannot run ${command} in QEMU: ${answer.error.desc}`);
  }

  /** Presses the power button: the guest shuts down by itself. */
  async powerdown(): Promise<void> {
    await this.execute("system_powerdown");
  }

  /** Presses the reset button: the guest learns nothing of it. */
  async reset(): Promise<void> {
    await this.execute("system_reset");
  }

  /** Ends QEMU at once; its answer may be lost with it. */
  async quit(): Promise<void> {
    try {
      await this.execute("quit");
    } catch (error) {
      if (this.#ended === undefined) throw error;
    }
  }

  /** Host ports by guest port, as the kernel chose them. */
  async forwardedPorts(): Promise<Map<number, number>> {
    const text = z.string().parse(await this.execute("human-monitor-command", { "command-line": "info usernet" }));
    return parseForwardedPorts(text);
  }

  /** Each processor, with the line of its instruction pointer, which also shows whether it waits (HLT=1). */
  async processors(): Promise<string[]> {
    const text = z.string().parse(await this.execute("human-monitor-command", { "command-line": "info registers -a" }));
    return text.split(/\r?\n/).filter((line) => /^(CPU#|RIP=|EIP=)/.test(line));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#socket.destroyed) return;
    const closed = new Promise<void>((resolve) => this.#socket.once("close", () => resolve()));
    this.#socket.destroy();
    await closed;
  }

  #receive(text: string): void {
    try {
      this.#received.push(line.parse(parseJson(text)));
      this.#wake();
    } catch (error) {
      this.#end(error);
    }
  }

  #end(reason: unknown): void {
    this.#ended ??= reason;
    this.#wake();
  }

  /** The next line that `pick` takes; others are events, which tell nothing that we do not see otherwise. */
  async #next<Wanted>(expected: string, pick: (line: Line) => Wanted | false): Promise<Wanted> {
    const deadline = AbortSignal.timeout(answerTimeoutMs);
    for (;;) {
      for (let received = this.#received.shift(); received !== undefined; received = this.#received.shift()) {
        const picked = pick(received);
        if (picked !== false) return picked;
      }
      if (this.#ended !== undefined) {
        throw new Failure("qmp-failed", `cannot run ${expected} in QEMU`, { cause: this.#ended });
      }
      if (deadline.aborted) {
        throw new Failure("qmp-failed", `cannot run ${expected} in QEMU: no answer for ${answerTimeoutMs / 1000} s`);
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        deadline.addEventListener("abort", () => resolve(), { once: true });
      });
    }
  }
}

/** The table of `info usernet`, for example "TCP[HOST_FORWARD]  11  127.0.0.1 41547  10.0.2.15  8443  0  0". */
export function parseForwardedPorts(text: string): Map<number, number> {
  const rows = text.matchAll(/TCP\[HOST_FORWARD\]\s+\d+\s+\S+\s+(\d+)\s+\S+\s+(\d+)/g);
  return new Map([...rows].map(([, hostPort, guestPort]) => [Number(guestPort), Number(hostPort)]));
}
