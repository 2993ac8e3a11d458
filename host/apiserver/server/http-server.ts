/** The HTTP/1.1 server under the unix socket and under the remote API, with what no endpoint can know about. */
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { Duplex } from "node:stream";
import { endpoints } from "../../../api/endpoints/contract.ts";
import type { Endpoint } from "../../../api/endpoints/endpoint.ts";
import { systemErrorCode } from "../../../lib/failure.ts";
import type { Caller } from "../callers/caller.ts";
import type { Connections } from "./connections.ts";
import type { Exchange } from "./exchange.ts";
import { originForm } from "./router.ts";

const headerBytesMost = 16 * 1024;

export function httpServer(exchange: Exchange, connections: Connections<Caller>): Server {
  const server = createServer({
    maxHeaderSize: headerBytesMost,
    requireHostHeader: false, // a unix socket has no host name
    keepAliveTimeout: 0, // `connections` closes idle ones
    requestTimeout: 0,
    headersTimeout: 0,
    shouldUpgradeCallback: mayUpgrade,
  });
  server.on("request", (request, response) => {
    const connection = connections.of(request.socket);
    // Closed already, never admitted, or not to be used any more: there is nobody to answer.
    if (connection === undefined || connections.retiring) request.socket.destroy();
    else exchange.serve(connections, connection, request, response);
  });
  server.on("upgrade", (request, socket, head) => {
    const connection = connections.of(request.socket);
    if (connection === undefined || connections.retiring) socket.destroy();
    else exchange.upgrade(connections, connection, request, socket, head);
  });
  server.on("clientError", (error, socket) => refuseRaw(socket, error));
  server.on("connect", (_request, socket) => refuseRaw(socket));
  server.on("checkExpectation", (request, response) => server.emit("request", request, response));
  return server;
}

/** Everywhere else the wish is ignored, as HTTP allows: some clients try for HTTP/2 with every request. */
function mayUpgrade({ method = "", url = "", headers }: IncomingMessage): boolean {
  return (
    headers.upgrade?.toLowerCase() === "websocket" &&
    websocketTargets.has(`${method} ${originForm(url).split("?", 1)[0]}`)
  );
}

const websocketTargets: ReadonlySet<string> = new Set(
  Object.values<Endpoint>(endpoints)
    .filter(({ upgrade }) => upgrade === "websocket")
    .map(({ method, path }) => `${method} ${path}`),
);

/** For what is no HTTP request, so that there is no response object to answer with. */
function refuseRaw(socket: Duplex, error?: Error): void {
  const code = error === undefined ? undefined : systemErrorCode(error);
  if (!socket.writable || code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const tooLong = code === "HPE_HEADER_OVERFLOW";
  const status = tooLong ? "431 Request Header Fields Too Large" : "400 Bad Request";
  const reason = tooLong
    ? `its header has more than ${headerBytesMost} bytes`
    : "it is not an HTTP/1.1 request that this API knows";
  const body = `cannot read the request: ${reason}\n`;
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
      `Connection: close\r\n\r\n${body}`,
  );
}

/** What a handler at work may still take when the daemon stops. */
export const stopGraceMs = 3_000;

/** Stops accepting, lets what is being worked on be answered, and closes every connection. */
export async function closeServer(
  server: { close(callback: () => void): unknown },
  connections: Connections<Caller>,
  graceMs: number,
): Promise<void> {
  const closed = Promise.withResolvers<undefined>();
  server.close(() => closed.resolve(undefined));
  connections.retire();
  await connections.drained(graceMs);
  connections[Symbol.dispose]();
  await closed.promise;
}
