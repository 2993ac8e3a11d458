/** Who is at the other end of a connection of our unix socket, by SO_PEERCRED. */
import type { Socket } from "node:net";
import { Failure } from "../../lib/failure.ts";
import { peerCredentials, type PeerCredentials } from "../linux.ts";

/**
 * The kernel knows it by file descriptor, which a socket of the plain server has.
 *
 * @throws {Failure<"unknown-peer">} for a connection that has none any more
 */
export function peerOf(socket: Socket): PeerCredentials {
  const handle: unknown = "_handle" in socket ? socket._handle : undefined;
  const fd = typeof handle === "object" && handle !== null && "fd" in handle ? handle.fd : undefined;
  if (typeof fd === "number" && fd >= 0) return peerCredentials(fd);
  throw new Failure("unknown-peer", "cannot tell who connected: the connection has no descriptor");
}
