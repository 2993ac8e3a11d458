/** Runs a program in a host container from elsewhere: the client's side of `exec.ts`. */
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { WebSocket, type RawData } from "ws-8";
import { machineClock } from "../../lib/clock.ts";
import { Failure } from "../../lib/failure.ts";
import {
  bytesOf,
  closeCodes,
  contentCompleteMessage,
  initializeMessage,
  readServerMessage,
  winchMessage,
  type TerminalSize,
} from "../exec.ts";
import { refusedBy } from "./refusal.ts";
import { openConnection, type HostAddress } from "./transport.ts";

export type ExecRequest = {
  /** A host container. */
  target: string;
  command: readonly string[];
  /** Asks for a terminal. */
  terminal?: { size: TerminalSize; onResize(listener: (size: TerminalSize) => void): void };
  input: AsyncIterable<Uint8Array>;
  /** Standard output and error together; more comes when it has resolved. */
  output: (bytes: Uint8Array) => Promise<void>;
  /** Ends the program when it aborts. */
  signal: AbortSignal;
};

const target = "/exec";
/** Bottlerocket's client sends no larger ones. */
const inputBytesMost = 4096;
/** Output that was not taken yet; above, nothing more is read. */
const outputBytes = { most: 1024 * 1024, least: 256 * 1024 };
/** The host is heard every two seconds. */
const silenceMs = 30_000;
/** What is read of a refusal. */
const refusalBytesMost = 64 * 1024;

/**
 * Resolves with the program's exit code.
 *
 * @throws {Refused} when the host does not let this client run it
 * @throws {Failure<"cannot-connect" | "untrusted-host" | "exec-failed" | "connection-lost">}
 */
export async function exec(address: HostAddress, request: ExecRequest): Promise<number> {
  const { signal } = request;
  const socket = await openConnection(address, signal);
  const host = "socket" in address ? "host" : new URL(address.url).host;
  const client = new WebSocket(`ws://${host}${target}`, {
    createConnection: () => socket,
    headers: { accept: "application/json" },
    perMessageDeflate: false,
  });
  const abort = (): void => client.terminate();
  signal.addEventListener("abort", abort, { once: true });
  const conversation = new Conversation(client, request);
  try {
    return await conversation.exitCode();
  } finally {
    signal.removeEventListener("abort", abort);
    client.terminate();
    socket.destroy();
  }
}

class Conversation {
  readonly #client: WebSocket;
  readonly #request: ExecRequest;
  readonly #failed = Promise.withResolvers<never>();
  #outstandingMost = 0;
  #sent = 0;
  #written = 0;
  #capacity = Promise.withResolvers<undefined>();
  #heardMs = machineClock.elapsedMs();
  #unshown = 0;
  #shown: Promise<unknown> = Promise.resolve();

  constructor(client: WebSocket, request: ExecRequest) {
    this.#client = client;
    this.#request = request;
  }

  async exitCode(): Promise<number> {
    const client = this.#client;
    const { target: container, command, terminal } = this.#request;
    const closed = new Promise<{ code: number; reason: string }>((resolve) =>
      client.once("close", (code, reason) => resolve({ code, reason: reason.toString() })),
    );
    let broken: unknown;
    client.on("error", (error) => (broken = error));
    client.on("unexpected-response", (_, response) => void this.#refused(response));
    client.on("ping", () => (this.#heardMs = machineClock.elapsedMs()));
    client.on("message", (data, isBinary) => this.#take(data, isBinary));
    const heart = setInterval(() => this.#listen(), silenceMs / 10);
    const opened = new Promise<"opened">((resolve) => client.once("open", () => resolve("opened")));
    try {
      if ((await Promise.race([opened, closed, this.#failed.promise])) === "opened") {
        client.send(initializeMessage(container, command, terminal?.size));
        terminal?.onResize((size) => this.#send(winchMessage(size)));
        this.#feed().catch((error: unknown) => this.#failed.reject(error));
      }
      const { code, reason } = await Promise.race([closed, this.#failed.promise]);
      await this.#shown;
      this.#request.signal.throwIfAborted();
      const exitCode = /^\d{1,3}$/.test(reason) ? Number(reason) : undefined;
      if (code === closeCodes.normal && exitCode !== undefined) return exitCode;
      if (reason !== "") throw new Failure("exec-failed", `cannot run ${command[0]} in ${container}: ${reason}`);
      throw new Failure("connection-lost", `cannot tell how ${command[0]} in ${container} went: the connection ended`, {
        cause: broken,
      });
    } finally {
      clearInterval(heart);
    }
  }

  #take(data: RawData, isBinary: boolean): void {
    const bytes = bytesOf(data);
    this.#heardMs = machineClock.elapsedMs();
    if (isBinary) {
      this.#unshown += bytes.length;
      if (this.#unshown > outputBytes.most) this.#client.pause();
      this.#shown = this.#shown.then(async () => await this.#show(bytes));
      this.#shown.catch((error: unknown) => this.#failed.reject(error));
      return;
    }
    const message = readServerMessage(bytes.toString());
    if (message === undefined) return; // of a host that knows more than we do
    this.#outstandingMost = message.Capacity.max_messages_outstanding;
    this.#written = message.Capacity.messages_written;
    this.#capacity.resolve(undefined);
    this.#capacity = Promise.withResolvers();
  }

  async #show(bytes: Buffer): Promise<void> {
    await this.#request.output(bytes);
    this.#unshown -= bytes.length;
    if (this.#client.isPaused && this.#unshown < outputBytes.least) this.#client.resume();
  }

  async #feed(): Promise<void> {
    for await (const bytes of this.#request.input) {
      for (let at = 0; at < bytes.length; at += inputBytesMost) {
        while (this.#sent - this.#written >= this.#outstandingMost) await this.#capacity.promise;
        this.#sent++;
        this.#send(bytes.subarray(at, at + inputBytesMost));
      }
    }
    this.#send(contentCompleteMessage);
  }

  /** A connection that ends meanwhile is reported by its own end. */
  #send(message: string | Uint8Array): void {
    this.#client.send(message, () => undefined);
  }

  #listen(): void {
    if (this.#client.isPaused) this.#heardMs = machineClock.elapsedMs();
    if (machineClock.elapsedMs() - this.#heardMs > silenceMs) this.#client.terminate();
  }

  async #refused(response: IncomingMessage): Promise<void> {
    try {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => (body = (body + part).slice(0, refusalBytesMost)));
      await once(response, "end");
      throw refusedBy({ status: response.statusCode ?? 0, body }, { method: "GET", target });
    } catch (error) {
      this.#failed.reject(error);
    }
  }
}
