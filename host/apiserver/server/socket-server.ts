/**
 * The API on a unix socket: open to root and to one group, and every caller is known by the kernel's word.
 *
 * On a host systemd holds the socket (hostd.socket), so that the one which a container was given goes on to work when
 * the daemon is started again, and requests meanwhile wait. Bun's HTTP server cannot listen on a descriptor that it is
 * given, only its plain server can; each connection of that is handed over.
 */
import { chmod, chown, mkdir, rename } from "node:fs/promises";
import { createServer, type ListenOptions, type Server, type Socket } from "node:net";
import { dirname, resolve } from "node:path";
import { Failure } from "../../../lib/failure.ts";
import { removeIfPresent } from "../../../lib/files/files.ts";
import type { Log } from "../../machine/system.ts";
import { socketCaller, type Caller, type SocketRoles } from "../callers/caller.ts";
import { Connections, connectionLimits, type ConnectionLimits } from "./connections.ts";
import type { Exchange } from "./exchange.ts";
import { closeServer, httpServer, stopGraceMs } from "./http-server.ts";
import { originOf, peerOf } from "../callers/peer.ts";

/** As in Bottlerocket, so that host containers find what they expect. */
export const apiGroup = 274;
const socketMode = 0o660;
/** sockaddr_un, with its closing zero byte and the suffix below. */
const pathBytesMost = 103;

export type SocketPlace = {
  path: string;
  gid: number | undefined;
  /** The descriptor of the listening socket, when somebody else made it and keeps it. */
  listeningDescriptor?: number;
  limits?: ConnectionLimits;
  /** Of containers; without it, nobody is taken for one. */
  roles?: SocketRoles;
};

export class SocketServer implements AsyncDisposable {
  readonly path: string;
  readonly #server: Server;
  readonly #connections: Connections<Caller>;
  readonly #isOurs: boolean;

  private constructor(path: string, server: Server, connections: Connections<Caller>, isOurs: boolean) {
    this.path = path;
    this.#server = server;
    this.#connections = connections;
    this.#isOurs = isOurs;
  }

  /** @throws {Failure<"cannot-listen">} */
  static async open(
    { path: named, gid, listeningDescriptor, limits = connectionLimits, roles }: SocketPlace,
    exchange: Exchange,
    log: Log,
  ): Promise<SocketServer> {
    const path = resolve(named);
    const connections = new Connections<Caller>(limits);
    const http = httpServer(exchange, connections);
    const server = createServer((socket) => {
      try {
        if (
          connections.admit(
            socket,
            () => callerOf(socket, roles),
            ({ owner }) => owner,
          ) !== undefined
        )
          http.emit("connection", socket);
      } catch (error) {
        socket.destroy();
        log.error("api: cannot accept a connection", error);
      }
    });
    try {
      if (listeningDescriptor === undefined) await listenOn(server, path, gid);
      else await listening(server, { fd: listeningDescriptor });
      server.on("error", (error) => log.error(`api: ${path}`, error));
      return new SocketServer(path, server, connections, listeningDescriptor === undefined);
    } catch (error) {
      connections[Symbol.dispose]();
      server.close();
      throw new Failure("cannot-listen", `cannot listen on ${path}`, { cause: error });
    }
  }

  /** Connections that are open now. */
  get connections(): number {
    return this.#connections.size;
  }

  /** Answers what is being worked on, for a moment, and closes. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isOurs) await removeIfPresent(this.path);
    await closeServer(this.#server, this.#connections, stopGraceMs);
  }
}

function callerOf(socket: Socket, roles: SocketPlace["roles"]): Caller {
  return roles === undefined ? socketCaller(peerOf(socket)) : socketCaller(peerOf(socket), originOf(socket), roles);
}

/** Binds it under another name, so that nobody meets it before it has its mode and group, or while it is replaced. */
async function listenOn(server: Server, path: string, gid: number | undefined): Promise<void> {
  const bound = `${path}.new`;
  if (Buffer.byteLength(path) > pathBytesMost) throw new Error(`its path has more than ${pathBytesMost} bytes`);
  await mkdir(dirname(path), { recursive: true });
  await removeIfPresent(bound);
  await listening(server, { path: bound });
  await chmod(bound, socketMode);
  if (gid !== undefined) await chown(bound, -1, gid);
  await rename(bound, path);
}

async function listening(server: Server, where: ListenOptions & { fd?: number }): Promise<void> {
  const { promise, resolve: done, reject } = Promise.withResolvers<undefined>();
  server.once("error", reject);
  server.listen(where, () => done(undefined));
  await promise;
  server.off("error", reject);
}
