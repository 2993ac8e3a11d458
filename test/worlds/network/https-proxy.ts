/**
 * A forward proxy for tests: over TLS, with a password, and the only one who knows where names lead.
 *
 * It answers CONNECT alone, for that is all that clients of `https:` ask a proxy. Source: RFC 9110, 9.3.6 and 11.7.
 */
import { once } from "node:events";
import { connect } from "node:net";
import { createServer, type TLSSocket } from "node:tls";
import type { IssuedServer } from "./certificates.ts";

export type HttpsProxy = AsyncDisposable & {
  readonly port: number;
  /** "registry.example.com:5000", one for each connection that was made. */
  readonly connected: readonly string[];
  /** How many were turned away for their password. */
  refused(): number;
};

/** Every name leads to loopback, where the servers of tests are. */
export async function startHttpsProxy(
  { certificate, key }: IssuedServer,
  login: { username: string; password: string },
): Promise<HttpsProxy> {
  const connected: string[] = [];
  let refusals = 0;
  const wanted = `Basic ${Buffer.from(`${login.username}:${login.password}`).toString("base64")}`;

  const serve = (socket: TLSSocket, head: string): void => {
    const target = /^CONNECT (\S+) HTTP\/1\.1\r\n/.exec(head)?.[1] ?? "";
    const credentials = /^proxy-authorization: *(.+?)\r$/im.exec(head)?.[1];
    if (credentials !== wanted) {
      refusals += 1;
      socket.end(
        "HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic\r\ncontent-length: 0\r\n\r\n",
      );
      return;
    }
    connected.push(target);
    const server = connect(Number(target.split(":")[1]), "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      socket.pipe(server);
      server.pipe(socket);
    });
    server.on("error", () => socket.destroy());
    socket.on("error", () => server.destroy());
    socket.on("close", () => server.destroy());
  };

  const sockets = new Set<TLSSocket>();
  const listener = createServer({ cert: certificate, key }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
    // A client waits for the answer, so what comes first is the request and no more.
    socket.once("data", (first) => serve(socket, first.toString("latin1")));
  }).listen(0, "127.0.0.1");
  await once(listener, "listening");
  const address = listener.address();
  if (typeof address !== "object" || address === null) throw new Error("a TCP server has a port");
  return {
    port: address.port,
    connected,
    refused: () => refusals,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      listener.close();
      await once(listener, "close");
    },
  };
}
