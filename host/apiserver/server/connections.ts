/**
 * Limits on connections: how many there are, and how long a client may take.
 *
 * A client has `requestMs` to deliver a whole request: counted from connecting, and again from the moment the previous
 * answer was handed to the kernel, so it also bounds how slowly an answer may be taken and how long a connection may
 * idle. While a handler works, nothing counts. One timer looks at all of them.
 */
import type { Socket } from "node:net";
import { deadline, type Deadline, machineClock } from "../../../lib/clock.ts";

export type ConnectionLimits = { most: number; requestMs: number };

/** Enough for every on-host client at once; with one request each they fit the daemon's memory limit. */
export const connectionLimits: ConnectionLimits = { most: 256, requestMs: 30_000 };

/** For an answer that was just handed to the kernel to reach its client. */
const retiredMs = 250;

/** Without a deadline while the host is the one who takes time. */
export type OpenConnection<Peer> = { readonly peer: Peer; deadline: Deadline | undefined };

export class Connections<Peer> implements Disposable {
  readonly #limits: ConnectionLimits;
  readonly #open = new Map<Socket, OpenConnection<Peer>>();
  #retiring = false;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
    this.#timer = setInterval(() => this.#closeLate(), Math.min(1000, limits.requestMs / 4));
    this.#timer.unref();
  }

  get size(): number {
    return this.#open.size;
  }

  /** Keeps an eye on a new connection; undefined when there are too many and it was closed. `peerOf` runs first. */
  admit(socket: Socket, peerOf: () => Peer): OpenConnection<Peer> | undefined {
    socket.on("error", () => socket.destroy()); // a client that went away is no event for the operator
    const peer = peerOf();
    if (this.#open.size >= this.#limits.most) {
      socket.destroy();
      return undefined;
    }
    const connection = { peer, deadline: deadline(machineClock, this.#limits.requestMs) };
    this.#open.set(socket, connection);
    socket.once("close", () => this.#open.delete(socket));
    return connection;
  }

  /** It is somebody else's from now on. */
  release(socket: Socket): void {
    this.#open.delete(socket);
  }

  of(socket: Socket): OpenConnection<Peer> | undefined {
    return this.#open.get(socket);
  }

  /** The request is complete: from now on the host is the one who takes time. */
  requestComplete(connection: OpenConnection<Peer>): void {
    connection.deadline = undefined;
  }

  /** It is the client's turn: to take the answer, to send a body or the next request. */
  clientsTurn(connection: OpenConnection<Peer>): void {
    connection.deadline = deadline(machineClock, this.#retiring ? retiredMs : this.#limits.requestMs);
  }

  /** No more requests: what is being worked on is still answered, then each connection is closed. */
  retire(): void {
    this.#retiring = true;
    const soon = deadline(machineClock, retiredMs);
    for (const connection of this.#open.values()) {
      if (connection.deadline !== undefined && connection.deadline.leftMs > retiredMs) connection.deadline = soon;
    }
  }

  get retiring(): boolean {
    return this.#retiring;
  }

  /** Resolves when all are closed, at the latest after `graceMs`. Call `retire` first. */
  async drained(graceMs: number): Promise<void> {
    const grace = deadline(machineClock, graceMs);
    while (this.#open.size > 0 && !grace.passed) {
      await machineClock.sleep(20);
      this.#closeLate();
    }
  }

  #closeLate(): void {
    for (const [socket, connection] of this.#open) if (connection.deadline?.passed === true) socket.destroy();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    for (const socket of this.#open.keys()) socket.destroy();
    this.#open.clear();
  }
}
