/** One program over one websocket, as `api/exec.ts` has the protocol. */
import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer, type RawData, type WebSocket } from "ws-8";
import { machineClock } from "../../../lib/clock.ts";
import {
  bytesOf,
  capacityEvery,
  closeCodes,
  heartbeatMs,
  messageBytesMost,
  messagesOutstanding,
  readClientMessage,
  silenceMs,
  type ClientMessage,
  type Initialize,
  type ServerMessage,
  type TerminalSize,
} from "../../../api/exec.ts";
import { Failure, isFailure } from "../../../lib/failure.ts";
import type { AuditedProgram } from "../../daemon/audit.ts";
import { isAway, openContainerd, type Containerd } from "../../containers/containerd/containerd.ts";
import { hostContainerd } from "../../containers/description.ts";
import { endLeftovers, execute, type ExecutedProgram } from "../../containers/exec.ts";

export type ExecContext = {
  /** For pipes. */
  directory: string;
  /** Notes who runs what; the program is not started before. */
  record: (execution: AuditedProgram) => Promise<void>;
  ended: (summary: string) => void;
  /** For errors that are logged and not shown to the client. */
  failed: (error: unknown) => void;
  /** Asked at each heartbeat: an administrator may have lost the role since. */
  isAllowed: () => boolean;
  stopping: AbortSignal;
};

export type ExecSessions = Disposable & {
  /** Resolves when the connection is closed and the program gone. */
  serve(context: ExecContext, request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void>;
};

/** Input that the program has not read; above, nothing more is taken from the client. */
const inputBytes = { most: 4 * 1024 * 1024, least: 1024 * 1024 };
/** A client that takes no output cannot be heard, for its answers are behind what it does not read: `exec … | less`. */
const stalledMs = 300_000;
/** For a client to name its program: it takes one of few places. */
const initializeMs = 10_000;
/** RFC 6455, 5.5 */
const reasonBytesMost = 123;
/** What shells exit with when a program is not there, and when it cannot be started. */
const notFoundCode = 127;
const notStartedCode = 126;
/** For a client that is cut off to say that it has understood. */
const cutMs = 1_000;

/** @param directory for pipes; what a daemon before this one left there is taken away */
export async function openSessions(socket: string, directory: string): Promise<ExecSessions> {
  const containerd = openContainerd(socket, hostContainerd.namespace);
  try {
    await endLeftovers(containerd, directory);
  } catch (error) {
    // Without containerd nothing of it runs, and the client gets that as the reason.
    if (!isAway(error)) throw error;
  }
  const server = new WebSocketServer({ noServer: true, maxPayload: messageBytesMost, perMessageDeflate: false });
  server.on("headers", acceptKeyAsSent);
  return {
    async serve(context, request, stream, head) {
      const upgraded: WebSocket[] = [];
      padKey(request);
      server.handleUpgrade(request, stream, head, (made) => void upgraded.push(made));
      // Without one it was no websocket after all, and has been refused.
      for (const client of upgraded) await new Session(client, containerd, context).run();
    },
    [Symbol.dispose]: () => containerd[Symbol.dispose](),
  };
}

const keyHeader = "sec-websocket-key";

/**
 * RFC 6455, 4.1 has 24 characters, and `ws` insists on them. Bottlerocket's client leaves the padding out
 * (sources/api/apiclient/src/exec/connect.rs).
 */
function padKey({ headers }: IncomingMessage): void {
  const key = headers[keyHeader];
  if (key !== undefined && /^[A-Za-z0-9+/]{22}$/.test(key)) headers[keyHeader] = `${key}==`;
}

/** The client compares with the hash of what it sent (RFC 6455, 4.2.2), padded or not. */
function acceptKeyAsSent(lines: string[], { rawHeaders }: IncomingMessage): void {
  const sent = rawHeaders.findIndex((name, at) => at % 2 === 0 && name.toLowerCase() === keyHeader) + 1;
  const accept = createHash("sha1").update(`${rawHeaders[sent]}${acceptGuid}`).digest("base64");
  const line = lines.findIndex((each) => each.startsWith("Sec-WebSocket-Accept:"));
  lines[line] = `Sec-WebSocket-Accept: ${accept}`;
}

/** RFC 6455, 1.3 */
const acceptGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

class Session {
  readonly #client: WebSocket;
  readonly #containerd: Containerd;
  readonly #context: ExecContext;
  readonly #input = new Input();
  #heardMs = machineClock.elapsedMs();
  /** Messages that the client's side has not taken yet. */
  #unsent = 0;
  #size: TerminalSize | undefined;
  #executed: ExecutedProgram | undefined;

  constructor(client: WebSocket, containerd: Containerd, context: ExecContext) {
    this.#client = client;
    this.#containerd = containerd;
    this.#context = context;
  }

  async run(): Promise<void> {
    const client = this.#client;
    const closed = new Promise<undefined>((resolve) => client.once("close", () => resolve(undefined)));
    const begun = Promise.withResolvers<Initialize>();
    client.on("error", () => undefined); // it is closed with the code that says which rule was broken
    client.on("pong", () => (this.#heardMs = machineClock.elapsedMs()));
    client.on("ping", () => (this.#heardMs = machineClock.elapsedMs()));
    client.on("message", (data, isBinary) => {
      this.#heardMs = machineClock.elapsedMs();
      this.#take(data, isBinary, begun.resolve);
    });
    const stop = (): void => this.#cut(closeCodes.goingAway, "the daemon of the host stops");
    this.#context.stopping.addEventListener("abort", stop, { once: true });
    const heart = setInterval(() => this.#beat(), heartbeatMs);
    try {
      this.#send({ Capacity: { max_messages_outstanding: messagesOutstanding, messages_written: 0 } });
      const late = setTimeout(() => this.#cut(closeCodes.policy, "no program was named in time"), initializeMs);
      const first = await Promise.race([begun.promise, closed]).finally(() => clearTimeout(late));
      if (first !== undefined) await this.#execute(first, closed);
      await closed;
    } finally {
      clearInterval(heart);
      this.#context.stopping.removeEventListener("abort", stop);
      client.terminate();
    }
  }

  #take(data: RawData, isBinary: boolean, begin: (first: Initialize) => void): void {
    if (isBinary) {
      if (!this.#input.isExpected) this.#close(closeCodes.policy, "input came before the program was named");
      else this.#takeInput(bytesOf(data));
      return;
    }
    const message = messageIn(bytesOf(data).toString());
    if (message === undefined) {
      this.#close(closeCodes.invalid, "a message is none that this protocol knows");
    } else if (message === "ContentComplete") {
      if (this.#input.isExpected) this.#input.end();
      else this.#close(closeCodes.policy, "ContentComplete came before the program was named");
    } else if ("Winch" in message) {
      this.#size = message.Winch;
      this.#executed?.resize(sizeOf(message.Winch)).catch(this.#context.failed);
    } else if (this.#input.isExpected) {
      this.#close(closeCodes.policy, "a connection runs one program");
    } else {
      this.#input.isExpected = true;
      begin(message.Initialize);
    }
  }

  #takeInput(bytes: Buffer): void {
    this.#input.add(bytes);
    if (this.#input.messages > messagesOutstanding) {
      this.#close(closeCodes.size, "more input came than capacity was given");
    }
    if (this.#input.bytes > inputBytes.most) this.#client.pause();
  }

  #beat(): void {
    const client = this.#client;
    if (!this.#context.isAllowed()) this.#cut(closeCodes.policy, "this client may not run programs any more");
    // A client that we do not read cannot be heard.
    else if (client.isPaused) this.#heardMs = machineClock.elapsedMs();
    else if (machineClock.elapsedMs() - this.#heardMs > (this.#unsent > 0 ? stalledMs : silenceMs)) client.terminate();
    else if (client.readyState === client.OPEN) client.ping();
  }

  async #execute({ target, command, tty }: Initialize, closed: Promise<undefined>): Promise<void> {
    const words = textsOf(command);
    if (words === undefined || !/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(target)) {
      this.#close(closeCodes.invalid, "the command is not UTF-8, or the name of the container is none");
      return;
    }
    const context = this.#context;
    this.#size ??= tty?.size ?? undefined;
    const end = (exitCode: number): void => {
      context.ended(`exit code ${exitCode}`);
      this.#close(closeCodes.normal, String(exitCode));
    };
    try {
      await context.record({ container: target, command: words, terminal: tty !== undefined });
      const terminal =
        tty === undefined ? undefined : { size: this.#size === undefined ? undefined : sizeOf(this.#size) };
      await using executed = await execute({
        containerd: this.#containerd,
        containerId: target,
        directory: context.directory,
        command: words,
        terminal,
      });
      end(await this.#converse(executed, closed));
    } catch (error) {
      if (isFailure(error, "cannot-execute")) {
        await this.#output(Buffer.from(`${error.message}\n`));
        end(/not found|no such file/i.test(error.message) ? notFoundCode : notStartedCode);
      } else {
        const away = isAway(error) ? new Failure("away", "containerd of the host's containers does not run") : error;
        this.#close(closeCodes.error, away instanceof Failure ? away.message : "the host has a bug; see its journal");
        context.ended(away instanceof Failure ? away.message : "it failed");
        if (away instanceof Failure) return;
        throw error;
      }
    }
  }

  /** Until the program ends; it is ended when the client goes. */
  async #converse(executed: ExecutedProgram, closed: Promise<undefined>): Promise<number> {
    this.#executed = executed;
    // The window may have changed while the program was started.
    if (this.#size !== undefined) await executed.resize(sizeOf(this.#size));
    const fed = this.#feed(executed);
    fed.catch(() => undefined); // it is waited for below
    const gone = closed.then(async () => await executed.end());
    await Promise.race([executed.relay(async (bytes) => await this.#output(bytes)), gone]);
    this.#input.end();
    await fed;
    return (await executed.ended).exitCode;
  }

  async #feed(executed: ExecutedProgram): Promise<void> {
    let written = 0;
    for await (const bytes of this.#input.read()) {
      await executed.write(bytes);
      written++;
      if (this.#client.isPaused && this.#input.bytes < inputBytes.least) this.#client.resume();
      if (written % capacityEvery === 0) {
        this.#send({ Capacity: { max_messages_outstanding: messagesOutstanding, messages_written: written } });
      }
    }
    await executed.closeInput();
  }

  /** Resolves when the kernel has it, so that a program is as fast as its client. */
  async #output(bytes: Uint8Array): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.#unsent++;
    this.#client.send(bytes, { binary: true }, () => resolve(undefined)); // an error closes it, which is seen elsewhere
    await promise;
    this.#unsent--;
    this.#heardMs = machineClock.elapsedMs();
  }

  #send(message: ServerMessage): void {
    this.#client.send(JSON.stringify(message), () => undefined);
  }

  #close(code: number, reason: string): void {
    // Whatever the client still sends is taken, so that its answer to this is heard.
    this.#client.resume();
    this.#client.close(code, Buffer.from(reason).subarray(0, reasonBytesMost));
  }

  /** As `#close`, whether the client agrees or not. */
  #cut(code: number, reason: string): void {
    this.#close(code, reason);
    setTimeout(() => this.#client.terminate(), cutMs).unref();
  }
}

/** What came and was not written yet. */
class Input {
  /** Once the program is named. */
  isExpected = false;
  messages = 0;
  bytes = 0;
  readonly #waiting: Buffer[] = [];
  #ended = false;
  #changed = Promise.withResolvers<undefined>();

  add(bytes: Buffer): void {
    if (this.#ended) return;
    this.#waiting.push(bytes);
    this.messages++;
    this.bytes += bytes.length;
    this.#changed.resolve(undefined);
  }

  end(): void {
    this.#ended = true;
    this.#changed.resolve(undefined);
  }

  /** One after the other; each counts until the next one is asked for. */
  async *read(): AsyncGenerator<Buffer, undefined, undefined> {
    for (;;) {
      const [next] = this.#waiting;
      if (next === undefined) {
        if (this.#ended) return;
        await this.#changed.promise;
        this.#changed = Promise.withResolvers();
        continue;
      }
      yield next;
      this.#waiting.shift();
      this.messages--;
      this.bytes -= next.length;
    }
  }
}

function messageIn(text: string): ClientMessage | undefined {
  try {
    return readClientMessage(text);
  } catch (error) {
    if (isFailure(error, "bad-json")) return undefined;
    throw error;
  }
}

/** runc reads JSON, which has no other bytes. */
function textsOf(words: readonly Uint8Array[]): string[] | undefined {
  try {
    return words.map((word) => utf8.decode(word));
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const sizeOf = ({ rows, cols }: TerminalSize) => ({ rows, columns: cols });
