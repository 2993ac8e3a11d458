/**
 * Answers that were handed out and not yet taken: they are memory of the daemon for as long as a client reads slowly, so
 * they have a budget as what comes in has (`body.ts`).
 *
 * Small answers are free: as many as there are connections fit. Of the rest each owner has a share, and part of all is left
 * to administrators, so that nobody who reads slowly keeps them from an answer.
 */
import { Refused } from "../../../api/client/refused.ts";
import { OwnerTally, type Owner } from "./owner-tally.ts";

const MiB = 1024 * 1024;

export type OutgoingLimits = {
  smallBytes: number;
  /** Of one owner. */
  shareBytes: number;
  /** Of all who are no administrators, and of everybody. */
  othersBytes: number;
  bytes: number;
};

export const outgoingLimits: OutgoingLimits = {
  smallBytes: 64 * 1024,
  shareBytes: 16 * MiB,
  othersBytes: 24 * MiB,
  bytes: 48 * MiB,
};

/** What an answer in parts counts: the part of the log that is in memory while it is sent. */
export const partsBytes = 8 * MiB;

export class Outgoing {
  readonly #limits: OutgoingLimits;
  readonly #owned = new OwnerTally();
  #othersBytes = 0;

  constructor(limits: OutgoingLimits = outgoingLimits) {
    this.#limits = limits;
  }

  get bytes(): number {
    return this.#owned.total;
  }

  /**
   * @returns gives the place back, once
   * @throws {Refused<"too-busy">}
   */
  take(bytes: number, owner: Owner, isAdmin: boolean): () => void {
    const { smallBytes, shareBytes, othersBytes, bytes: most } = this.#limits;
    if (bytes <= smallBytes) return () => undefined;
    const owned = this.#owned.of(owner);
    if (owner !== undefined && owned > 0 && owned + bytes > shareBytes)
      throw busy("answers to this client wait to be read");
    const left = Math.min(most - this.bytes, isAdmin ? most : othersBytes - this.#othersBytes);
    // One that is larger than all there is goes out alone.
    if (bytes > left && this.bytes > 0) throw busy("answers to other clients wait to be read");
    this.#add(owner, isAdmin, bytes);
    let waits = true;
    return () => {
      if (waits) this.#add(owner, isAdmin, -bytes);
      waits = false;
    };
  }

  #add(owner: Owner, isAdmin: boolean, bytes: number): void {
    this.#owned.add(owner, bytes);
    if (!isAdmin) this.#othersBytes += bytes;
  }
}

const busy = (reason: string): Refused =>
  new Refused("too-busy", `cannot answer: ${reason}`, { hint: "read what was answered, or ask again later" });
