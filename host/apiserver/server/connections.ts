/**
 * Limits on connections: how many there are, whose they are, and how long a client may take.
 *
 * A client has `requestMs` to deliver a whole request: counted from connecting, and again from the moment the previous
 * answer was handed to the kernel, so it also bounds how slowly an answer may be taken and how long a connection may
 * idle. While a handler works, nothing counts. One timer looks at all of them.
 *
 * When there are too many, the one makes room that has been its client's turn for longest, of whom has most: whoever comes
 * and asks at once is served, however many others hold connections and ask nothing.
 */
import type { Socket } from "node:net";
import { deadline, type Deadline, machineClock } from "../../../lib/clock.ts";
import type { Owner } from "./owner-tally.ts";

export type ConnectionLimits = {
  most: number;
  /** Of one owner. */
  share?: number;
  requestMs: number;
};

/** Enough for every on-host client at once; with one request each they fit the daemon's memory limit. */
export const connectionLimits: ConnectionLimits = { most: 256, share: 64, requestMs: 30_000 };

/** For an answer that was just handed to the kernel to reach its client. */
const retiredMs = 250;

/** Without a deadline while the host is the one who takes time. */
export type OpenConnection<Peer> = {
  readonly peer: Peer;
  readonly owner: Owner;
  deadline: Deadline | undefined;
  /** The client's latest turn; those of later ones are higher. */
  turn: number;
};

export class Connections<Peer> implements Disposable {
  readonly #limits: ConnectionLimits;
  readonly #open = new Map<Socket, OpenConnection<Peer>>();
  #retiring = false;
  #turns = 0;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
    this.#timer = setInterval(() => this.#closeLate(), Math.min(1000, limits.requestMs / 4));
    this.#timer.unref();
  }

  get size(): number {
    return this.#open.size;
  }

  /** Keeps an eye on a new connection; undefined when there is no room and it was closed. `peerOf` runs first. */
  admit(socket: Socket, peerOf: () => Peer, ownerOf: (peer: Peer) => Owner): OpenConnection<Peer> | undefined {
    socket.on("error", () => socket.destroy()); // a client that went away is no event for the operator
    const peer = peerOf();
    const owner = ownerOf(peer);
    if (!this.#makeRoom(owner)) {
      socket.destroy();
      return undefined;
    }
    const connection = { peer, owner, deadline: deadline(machineClock, this.#limits.requestMs), turn: this.#turns++ };
    this.#open.set(socket, connection);
    socket.once("close", () => this.#open.delete(socket));
    return connection;
  }

  #makeRoom(owner: Owner): boolean {
    const { most, share = most } = this.#limits;
    const counts = new Map<Owner, number>();
    for (const connection of this.#open.values()) counts.set(connection.owner, (counts.get(connection.owner) ?? 0) + 1);
    if (owner !== undefined && (counts.get(owner) ?? 0) >= share) return this.#closeLongestOf(owner);
    if (this.#open.size < most) return true;
    // A peer that has as many gets no room from the others.
    const [largest] = [...counts].toSorted(([, a], [, b]) => b - a);
    return largest !== undefined && this.#closeLongestOf(largest[0]);
  }

  /** False when all of them are being worked on. */
  #closeLongestOf(owner: Owner): boolean {
    // By their turns: what is left of two deadlines cannot be read at the same moment.
    let longest: { socket: Socket; turn: number } | undefined;
    for (const [socket, { owner: whose, deadline: until, turn }] of this.#open) {
      if (whose !== owner || until === undefined) continue;
      if (longest === undefined || turn < longest.turn) longest = { socket, turn };
    }
    if (longest === undefined) return false;
    this.#open.delete(longest.socket);
    longest.socket.destroy();
    return true;
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
    connection.turn = this.#turns++;
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
