/** Serves the page of one host on loopback: its files, what the host tells as events, calls, logs and terminals. */
import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { Client } from "../../api/client/client.ts";
import { statuses, isApiCode } from "../../api/codes.ts";
import { machineClock } from "../../lib/clock.ts";
import { Failure } from "../../lib/failure.ts";
import type { Catalogue, Viewer } from "../view.ts";
import { forward, isDeed } from "./calls.ts";
import { Door, type Admission } from "./door.ts";
import { Feed } from "./feed.ts";
import { followLog } from "./log-follower.ts";
import type { PageFiles } from "./page-file.ts";
import { serveTerminal } from "./terminal.ts";
import type { Veil } from "./veil.ts";

export type ConsoleHost = {
  client: Client;
  /** For what is asked again and again; one question at a time. */
  polling: Client;
  veil: Veil;
  viewer: Viewer;
  catalogue: Catalogue;
};

/** No settings are longer: the host takes 2 MiB. */
const bodyBytesMost = 2 * 1024 * 1024;
const heartbeatMs = 15_000;

export class ConsoleServer implements AsyncDisposable {
  readonly #host: ConsoleHost;
  readonly #files: PageFiles;
  readonly #door = new Door();
  readonly #feed: Feed;
  readonly #server: Server;
  readonly #stop = new AbortController();

  private constructor(host: ConsoleHost, files: PageFiles) {
    this.#host = host;
    this.#files = files;
    const { polling, veil, viewer } = host;
    this.#feed = new Feed({ client: polling, veil, viewer, clock: machineClock }, this.#stop.signal);
    this.#server = createServer((request, response) => void this.#serve(request, response));
    this.#server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) =>
      this.#upgrade(request, socket, head),
    );
  }

  /** @param port a free one when 0 */
  static async open(host: ConsoleHost, files: PageFiles, port: number): Promise<ConsoleServer> {
    const opened = new ConsoleServer(host, files);
    const server = opened.#server;
    await new Promise<void>((resolve, reject) => {
      server.once("error", (cause) =>
        reject(new Failure("cannot-listen", `cannot listen on 127.0.0.1:${port}`, { cause })),
      );
      server.listen(port, "127.0.0.1", resolve);
    });
    return opened;
  }

  get port(): number {
    // A TCP server that listens has an address of this form.
    return (this.#server.address() as AddressInfo).port;
  }

  /** The address to open, once. */
  get firstVisit(): string {
    return this.#door.firstVisit(this.port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error("the console ends"));
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const nonce = randomBytes(16).toString("base64");
    for (const [name, value] of Object.entries(securityHeaders(nonce))) response.setHeader(name, value);
    const admission = this.#door.admit(request, this.port);
    try {
      await this.#answer(admission, { request, response, nonce });
    } catch (error) {
      if (!response.headersSent) replyFailure(response, error);
      else response.destroy();
    }
  }

  async #answer(admission: Admission, { request, response, nonce }: Exchanged): Promise<void> {
    if (admission.kind === "refused") return replyText(response, admission.status, `${admission.reason}\n`);
    if (admission.kind === "welcome") {
      response.writeHead(303, { location: this.#door.base, "set-cookie": admission.cookie });
      response.end();
      return;
    }
    const { path, query } = admission;
    if (request.method === "POST" && path.startsWith("call/"))
      return await this.#call(request, response, path.slice(5));
    if (request.method !== "GET") return replyText(response, 405, "the page only reads that\n");
    if (path === "events") return this.#events(response);
    if (path === "log") return await this.#log(response, query.get("name") ?? "");
    if (path === "catalogue.json") return replyJson(response, 200, this.#host.catalogue);
    const file = this.#files.get(path === "" ? "index.html" : path);
    if (file === undefined) return replyText(response, 404, "there is no such page\n");
    response.setHeader("content-type", file.type);
    response.end(file.text.replaceAll("{{nonce}}", nonce));
  }

  async #call(request: IncomingMessage, response: ServerResponse, name: string): Promise<void> {
    if (!/^application\/json\b/.test(request.headers["content-type"] ?? "")) {
      throw new Failure("bad-body", "cannot read the body: it must be application/json");
    }
    const { client, veil, viewer } = this.#host;
    const gone = abortsWith(response, this.#stop.signal);
    const { status, body } = await forward(
      { client, veil, mayWrite: viewer.mayWrite },
      name,
      await textOf(request),
      gone,
    );
    if (isDeed(name)) this.#feed.stir();
    replyJson(response, status === 204 ? 200 : status, body);
  }

  #events(response: ServerResponse): void {
    const stream = eventStream(response, this.#stop.signal);
    this.#feed.listen(stream.send, stream.signal);
  }

  async #log(response: ServerResponse, name: string): Promise<void> {
    const { send, signal } = eventStream(response, this.#stop.signal);
    const { client, veil } = this.#host;
    await followLog({ client, veil, clock: machineClock }, name, send, signal);
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const admission = this.#door.admit(request, this.port);
    const refuse = (status: string): void => void socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`);
    if (admission.kind !== "inside" || admission.path !== "terminal") return refuse("403 Forbidden");
    if (!this.#host.viewer.mayWrite) return refuse("403 Forbidden");
    serveTerminal(this.#host.client, { request, socket, head }, admission.query, this.#stop.signal);
  }
}

type Exchanged = { request: IncomingMessage; response: ServerResponse; nonce: string };

/** @param nonce of the style sheets that the terminal makes; scripts have none, and come from here alone */
function securityHeaders(nonce: string): Record<string, string> {
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "connect-src 'self'",
    "img-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ];
  return {
    "content-security-policy": policy.join("; "),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
  };
}

/** Server-sent events, each of which is JSON, until the page goes. See the HTML Standard, 9.2. */
function eventStream(
  response: ServerResponse,
  stop: AbortSignal,
): { send: (value: unknown) => void; signal: AbortSignal } {
  const signal = abortsWith(response, stop);
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.write(":\n\n");
  const heart = setInterval(() => response.write(":\n\n"), heartbeatMs);
  signal.addEventListener("abort", () => clearInterval(heart), { once: true });
  return { signal, send: (value) => void response.write(`data: ${JSON.stringify(value)}\n\n`) };
}

function abortsWith(response: ServerResponse, stop: AbortSignal): AbortSignal {
  const gone = new AbortController();
  response.once("close", () => gone.abort(new Error("the page was closed")));
  return AbortSignal.any([gone.signal, stop]);
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    const bytes = Buffer.from(chunk);
    length += bytes.length;
    if (length > bodyBytesMost) throw new Failure("body-too-long", `cannot read the body: over ${bodyBytesMost} bytes`);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function replyFailure(response: ServerResponse, error: unknown): void {
  if (!(error instanceof Failure)) return replyJson(response, 500, { code: "internal", message: String(error) });
  const { code, message, hint } = error;
  const status = code === "cannot-connect" ? 502 : isApiCode(code) ? statuses[code] : 400;
  replyJson(response, status, { code, message, ...(hint === undefined ? {} : { hint }) });
}

function replyJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(value ?? null));
}

function replyText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8" });
  response.end(text);
}
