/**
 * Who is at the other end of a connection of our unix socket, by SO_PEERCRED.
 *
 * The kernel knows it by file descriptor. Node gives that with the connection; Bun's fast HTTP server does not, but
 * announces each connection right after accepting it and before the next, so at that moment exactly one descriptor of
 * this process is new, a socket, and bound to our path. Anything else is refused rather than guessed.
 */
import { readdirSync, readlinkSync } from "node:fs";
import type { Socket } from "node:net";
import { Failure, isNotFound } from "../../lib/failure.ts";
import { localSocketPath, peerCredentials, type PeerCredentials } from "../linux.ts";

const descriptors = "/proc/self/fd";

export class Peers {
  readonly #path: string;
  /** Inodes of sockets that were there before: "socket:[4711]". An inode is not used again while it is open. */
  #known: ReadonlySet<string>;

  /** Make it once the server listens, before it can have accepted anything. */
  constructor(path: string) {
    this.#path = path;
    this.#known = new Set(openSockets().values());
  }

  /**
   * Call it in the server's `connection` event, once for each.
   *
   * @throws {Failure<"unknown-peer">}
   */
  credentialsOf(socket: Socket): PeerCredentials {
    const given = givenDescriptor(socket);
    if (given !== undefined) return peerCredentials(given);
    const open = openSockets();
    const accepted = [...open]
      .filter(([fd, inode]) => !this.#known.has(inode) && localSocketPath(fd) === this.#path)
      .map(([fd]) => fd);
    this.#known = new Set(open.values());
    const [fd] = accepted;
    if (fd === undefined || accepted.length > 1) {
      throw new Failure("unknown-peer", `cannot tell who connected: ${accepted.length} connections came at once`);
    }
    return peerCredentials(fd);
  }
}

function givenDescriptor(socket: Socket): number | undefined {
  const handle: unknown = "_handle" in socket ? socket._handle : undefined;
  if (typeof handle !== "object" || handle === null || !("fd" in handle)) return undefined;
  return typeof handle.fd === "number" && handle.fd >= 0 ? handle.fd : undefined;
}

/** Descriptor to inode of every socket of this process. */
function openSockets(): Map<number, string> {
  const sockets = new Map<number, string>();
  for (const fd of readdirSync(descriptors)) {
    try {
      const target = readlinkSync(`${descriptors}/${fd}`);
      if (target.startsWith("socket:")) sockets.set(Number(fd), target);
    } catch (error) {
      if (!isNotFound(error)) throw error; // the descriptor of the directory that was just listed
    }
  }
  return sockets;
}
