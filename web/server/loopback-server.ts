/** Serves a page on loopback, to the browser of whoever started the program and to nobody else. */
import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { Failure } from "../../lib/failure.ts";
import { replyFailure, replyText } from "./answers.ts";
import { type Admission, Door, isLoopbackName } from "./door.ts";
import type { PageFiles } from "./page-file.ts";
import { securityHeaders } from "./security-headers.ts";

/** A request that came through the door; `path` is relative to the page. */
export type Inside = { path: string; query: URLSearchParams; request: IncomingMessage; response: ServerResponse };

export type LoopbackPage = {
  /** How it is started, for people at the door: "apiclient console". */
  program: string;
  files: PageFiles;
  /** False when there is nothing but files at that path. */
  answer: (inside: Inside, stop: AbortSignal) => Promise<boolean>;
  /** Of a websocket; false when there is none at that path. */
  upgrade?: (inside: Upgrading, stop: AbortSignal) => boolean;
};

export type Upgrading = {
  path: string;
  query: URLSearchParams;
  request: IncomingMessage;
  socket: Duplex;
  head: Buffer;
};

export class LoopbackServer implements AsyncDisposable {
  readonly #page: LoopbackPage;
  readonly #door: Door;
  readonly #server: Server;
  readonly #stop = new AbortController();

  private constructor(page: LoopbackPage) {
    this.#page = page;
    this.#door = new Door(page.program);
    this.#server = createServer((request, response) => void this.#serve(request, response));
    this.#server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) =>
      this.#upgrade(request, socket, head),
    );
  }

  /** @param port a free one when 0 */
  static async open(page: LoopbackPage, port: number): Promise<LoopbackServer> {
    const opened = new LoopbackServer(page);
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
    const admission = this.#door.admit(request, isLoopbackName(this.port));
    try {
      if (admission.kind === "inside") await this.#answer(admission, { request, response, nonce });
      else turnAway(response, admission);
    } catch (error) {
      if (!response.headersSent) replyFailure(response, error);
      else response.destroy();
    }
  }

  async #answer(
    { path, query }: Extract<Admission, { kind: "inside" }>,
    { request, response, nonce }: { request: IncomingMessage; response: ServerResponse; nonce: string },
  ): Promise<void> {
    if (await this.#page.answer({ path, query, request, response }, this.#stop.signal)) return;
    if (request.method !== "GET") return replyText(response, 405, "the page only reads that\n");
    replyFile(response, this.#page.files, path, nonce);
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const admission = this.#door.admit(request, isLoopbackName(this.port));
    const isServed =
      admission.kind === "inside" &&
      this.#page.upgrade?.({ ...admission, request, socket, head }, this.#stop.signal) === true;
    if (!isServed) socket.end("HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n");
  }
}

function turnAway(response: ServerResponse, admission: Exclude<Admission, { kind: "inside" }>): void {
  if (admission.kind === "refused") return replyText(response, admission.status, `${admission.reason}\n`);
  response.writeHead(303, { location: admission.location, "set-cookie": admission.cookie });
  response.end();
}

/** @param path relative to the page, whose document has none */
export function replyFile(response: ServerResponse, files: PageFiles, path: string, nonce: string): void {
  const file = files.get(path === "" ? "index.html" : path);
  if (file === undefined) return replyText(response, 404, "there is no such page\n");
  response.setHeader("content-type", file.type);
  response.end(file.text.replaceAll("{{nonce}}", nonce));
}
