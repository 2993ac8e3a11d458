/** The API on a unix socket: open to root and to one group, and every caller is known by the kernel's word. */
import { chmod, chown, mkdir, rename } from "node:fs/promises";
import type { Server } from "node:http";
import { dirname, resolve } from "node:path";
import { Failure } from "../../lib/failure.ts";
import { removeIfPresent } from "../../lib/files.ts";
import type { Log } from "../system.ts";
import { socketCaller, type Caller } from "./caller.ts";
import { Connections, connectionLimits, type ConnectionLimits } from "./connections.ts";
import type { Exchange } from "./exchange.ts";
import { closeServer, httpServer, stopGraceMs } from "./http-server.ts";
import { Peers } from "./peer.ts";

/** As in Bottlerocket, so that host containers find what they expect. */
export const apiGroup = 274;
const socketMode = 0o660;
/** sockaddr_un, with its closing zero byte and the suffix below. */
const pathBytesMost = 103;

export type SocketPlace = { path: string; gid: number | undefined; limits?: ConnectionLimits };

export class SocketServer implements AsyncDisposable {
  readonly path: string;
  readonly #server: Server;
  readonly #connections: Connections<Caller>;

  private constructor(path: string, server: Server, connections: Connections<Caller>) {
    this.path = path;
    this.#server = server;
    this.#connections = connections;
  }

  /** @throws {Failure<"cannot-listen">} */
  static async open(
    { path: given, gid, limits = connectionLimits }: SocketPlace,
    exchange: Exchange,
    log: Log,
  ): Promise<SocketServer> {
    const path = resolve(given);
    const connections = new Connections<Caller>(limits);
    const server = httpServer(exchange, connections);
    // Bound under another name, so that nobody meets it before it has its mode and group, or while it is replaced.
    const bound = `${path}.new`;
    try {
      if (Buffer.byteLength(path) > pathBytesMost) throw new Error(`its path has more than ${pathBytesMost} bytes`);
      await mkdir(dirname(path), { recursive: true });
      await removeIfPresent(bound);
      await listening(server, bound);
      const peers = new Peers(bound);
      server.on("connection", (socket) => {
        try {
          connections.admit(socket, () => socketCaller(peers.credentialsOf(socket)));
        } catch (error) {
          socket.destroy();
          log.error("api: cannot accept a connection", error);
        }
      });
      await chmod(bound, socketMode);
      if (gid !== undefined) await chown(bound, -1, gid);
      server.on("error", (error) => log.error(`api: ${path}`, error));
      await rename(bound, path);
      return new SocketServer(path, server, connections);
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
    await removeIfPresent(this.path);
    await closeServer(this.#server, this.#connections, stopGraceMs);
  }
}

async function listening(server: Server, path: string): Promise<void> {
  const { promise, resolve: done, reject } = Promise.withResolvers<undefined>();
  server.once("error", reject);
  server.listen(path, () => done(undefined));
  await promise;
  server.off("error", reject);
}
