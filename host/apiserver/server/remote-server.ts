/**
 * The API over mutual TLS 1.3: one listening port with one set of client CAs.
 *
 * The handshake ends in `node:tls`, because Bun's https server does not tell the peer's certificate; the secured
 * connection is then given to the HTTP server. Who has no certificate of an accepted CA never gets as far as HTTP.
 */
import type { Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createServer, type Server, type TLSSocket } from "node:tls";
import type { Role } from "../../../api/endpoints/endpoint.ts";
import { Failure } from "../../../lib/failure.ts";
import type { Log } from "../../machine/system.ts";
import { remoteCaller, type Caller } from "../callers/caller.ts";
import type { Identity } from "./identity.ts";
import { Connections, connectionLimits, type ConnectionLimits } from "./connections.ts";
import type { Exchange } from "./exchange.ts";
import { closeServer, httpServer, stopGraceMs } from "./http-server.ts";

export type RemotePlace = {
  port: number;
  identity: Identity;
  /** PEM; at least one, since with none every public CA would be accepted. */
  clientCas: readonly [string, ...string[]];
};

/** For a client to show its certificate. */
const handshakeMs = 10_000;
/** Which are not through yet. Clients take tens of milliseconds each, also where many have one address. */
const handshakesOfNetwork = 8;

/** The certificate of a client, as TLS has verified it. `raw` is DER. */
export type PresentedCertificate = { subject: string; notAfter: Date; raw: Uint8Array };
/** Once for each connection. What it gives is asked at each request: what a client may do now. */
export type RoleOfCertificate = (certificate: PresentedCertificate) => () => Role | undefined;

export class RemoteServer implements AsyncDisposable {
  readonly #tls: Server;
  readonly #connections: Connections<Caller>;
  readonly #handshakes: Connections<string>;

  private constructor(tls: Server, connections: Connections<Caller>, handshakes: Connections<string>) {
    this.#tls = tls;
    this.#connections = connections;
    this.#handshakes = handshakes;
  }

  /**
   * @param roleOf what a client may do
   * @throws {Failure<"cannot-listen" | "bad-client-ca">}
   */
  static async open(
    { port, identity, clientCas }: RemotePlace,
    exchange: Exchange,
    roleOf: RoleOfCertificate,
    log: Log,
    limits: ConnectionLimits = connectionLimits,
  ): Promise<RemoteServer> {
    const connections = new Connections<Caller>(limits);
    const handshakes = new Connections<string>({
      most: limits.most,
      share: handshakesOfNetwork,
      requestMs: Math.min(handshakeMs, limits.requestMs),
    });
    const http = httpServer(exchange, connections);
    const tls = tlsServer(identity, clientCas);
    tls.on(
      "connection",
      (socket) =>
        void handshakes.admit(
          socket,
          () => networkOf(socket.remoteAddress),
          (network) => network,
        ),
    );
    tls.on("tlsClientError", (_error, socket) => socket.destroy()); // strangers are no event for the operator
    tls.on("secureConnection", (socket) => {
      handshakes.release(socket);
      admit(socket, connections, http, roleOf, log);
    });
    try {
      await listening(tls, port);
    } catch (error) {
      connections[Symbol.dispose]();
      handshakes[Symbol.dispose]();
      throw new Failure("cannot-listen", `cannot listen on TCP port ${port}`, { cause: error });
    }
    tls.on("error", (error) => log.error("api: remote", error));
    return new RemoteServer(tls, connections, handshakes);
  }

  /** The port that is listened on: the one asked for, or the one that the kernel chose for 0. */
  get port(): number {
    return addressOf(this.#tls)?.port ?? 0;
  }

  /** Stops listening at once; resolves when the last connection is closed, which takes at most `graceMs`. */
  async close(graceMs: number): Promise<void> {
    this.#handshakes[Symbol.dispose]();
    await closeServer(this.#tls, this.#connections, graceMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close(stopGraceMs);
  }
}

function tlsServer(identity: Identity, clientCas: readonly string[]): Server {
  try {
    return createServer({
      key: identity.key,
      cert: identity.certificate,
      ca: [...clientCas],
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: "TLSv1.3",
      maxVersion: "TLSv1.3",
    });
  } catch (error) {
    throw new Failure("bad-client-ca", "cannot use settings.api.remote.client-cas: they are no PEM certificates", {
      cause: error,
    });
  }
}

function admit(
  socket: TLSSocket,
  connections: Connections<Caller>,
  http: HttpServer,
  roleOf: RoleOfCertificate,
  log: Log,
): void {
  // An attribute that is given several times is a list; which of the names should count is not ours to guess.
  const certificate = socket.authorized ? socket.getPeerCertificate() : undefined;
  const name: unknown = certificate?.subject.CN;
  if (typeof name !== "string" || name === "") {
    log.info("api: refused a remote client: its certificate has not exactly one common name");
    socket.destroy();
    return;
  }
  const notAfter = new Date(certificate?.valid_to ?? 0);
  const raw = certificate?.raw ?? new Uint8Array();
  const peer = remoteCaller(name, roleOf({ subject: name, notAfter, raw }));
  const connection = connections.admit(
    socket,
    () => peer,
    ({ owner }) => owner,
  );
  if (connection !== undefined) http.emit("connection", socket);
}

/** The address, or of an IPv6 address the /64 that one customer has: RFC 6177. */
export function networkOf(address = ""): string {
  const [, ipv4] = /^(?:::ffff:)?(\d+\.\d+\.\d+\.\d+)$/i.exec(address) ?? [];
  if (ipv4 !== undefined) return ipv4;
  const [front = [], back = []] = address.split("::").map((groups) => (groups === "" ? [] : groups.split(":")));
  const zeros = Array.from({ length: Math.max(0, 8 - front.length - back.length) }, () => "0");
  return [...front, ...zeros, ...back].slice(0, 4).join(":");
}

async function listening(server: Server, port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  server.once("error", reject);
  server.listen(port, "::", () => resolve(undefined));
  await promise;
  server.off("error", reject);
}

function addressOf(server: Server): AddressInfo | undefined {
  const address = server.address();
  return typeof address === "object" && address !== null ? address : undefined;
}
