/** Who is at the other end of a connection of our unix socket, by the kernel's word. */
import type { Socket } from "node:net";
import { Failure } from "../../../lib/failure.ts";
import { peerCredentials, type PeerCredentials } from "../../machine/linux.ts";
import { originOfPeer, type Origin } from "./origin.ts";

/** @throws {Failure<"unknown-peer">} for a connection that is closed already */
export function peerOf(socket: Socket): PeerCredentials {
  return peerCredentials(descriptorOf(socket));
}

/** @throws {Failure<"unknown-peer">} for a connection that is closed already */
export function originOf(socket: Socket): Origin {
  return originOfPeer(descriptorOf(socket));
}

/** The kernel knows it by file descriptor, which a socket of the plain server has. */
function descriptorOf(socket: Socket): number {
  const handle: unknown = "_handle" in socket ? socket._handle : undefined;
  const fd = typeof handle === "object" && handle !== null && "fd" in handle ? handle.fd : undefined;
  if (typeof fd === "number" && fd >= 0) return fd;
  throw new Failure("unknown-peer", "cannot tell who connected: the connection has no descriptor");
}
