/**
 * Bytes on a medium that loses power: what was written and not synced may survive in any part and in any order.
 *
 * The model of a file's content, and of a block device. Assumed of the hardware: bytes that were synced are not
 * disturbed by later writes to other bytes ("powersafe overwrite"), and what a successful sync covered is on the medium.
 */
import type { Random } from "../random.ts";

type Write = { offset: number; data: Uint8Array };

const sectorBytes = 512;

export class SimulatedMedium {
  /** What a reader sees: the page cache. */
  #seen = new Bytes();
  /** What is on the platter. */
  #durable = new Bytes();
  #unsynced: Write[] = [];
  /** Left over from a sync that failed: never written by a later one, and still seen until the power is lost. */
  #forgotten: Write[] = [];
  #emptied = false;

  get length(): number {
    return this.#seen.length;
  }

  read(): Uint8Array {
    return this.#seen.view().slice();
  }

  /** The same without a copy: only until the next write. */
  view(): Uint8Array {
    return this.#seen.view();
  }

  write(offset: number, data: Uint8Array): void {
    this.#seen.write(offset, data);
    this.#unsynced.push({ offset, data: new Uint8Array(data) }); // a Buffer's slice() shares its memory
  }

  /** Empties a file, as opening it with O_TRUNC does. */
  empty(): void {
    this.#seen.truncate(0);
    this.#unsynced = [];
    this.#forgotten = [];
    this.#emptied = true;
  }

  sync(): void {
    if (this.#emptied) this.#durable.truncate(0);
    this.#emptied = false;
    for (const { offset, data } of this.#unsynced) this.#durable.write(offset, data);
    this.#unsynced = [];
  }

  /** A sync that reports an error: Linux marks the pages clean all the same, so that a retry succeeds and lies. */
  failToSync(): void {
    this.#forgotten.push(...this.#unsynced);
    this.#unsynced = [];
  }

  /** What is there when the power comes back. */
  loseUnsynced(random: Random): void {
    const pending = [...this.#forgotten, ...this.#unsynced];
    if (this.#emptied && (random.chance(50) || pending.length > 0)) this.#durable.truncate(0);
    const before = this.#durable.length;
    const kept = random.chance(50) ? inOrder(pending, random) : anyOrder(pending, random);
    for (const { offset, data } of kept) this.#durable.write(offset, data);
    const extent = Math.max(before, ...pending.map(({ offset, data }) => offset + data.length));
    // The new length can be durable before the bytes are: they read as zeros then.
    if (extent > this.#durable.length && random.chance(30)) this.#durable.extend(random.integer(before, extent));
    this.#settle();
  }

  /** Changes durable bytes behind the back of everyone. */
  damage(offset: number, data: Uint8Array): void {
    this.#durable.write(offset, data);
    this.#settle();
  }

  shorten(length: number): void {
    this.#durable.truncate(length);
    this.#settle();
  }

  copy(): SimulatedMedium {
    const copy = new SimulatedMedium();
    copy.#seen = this.#seen.copy();
    copy.#durable = this.#durable.copy();
    copy.#unsynced = [...this.#unsynced];
    copy.#forgotten = [...this.#forgotten];
    copy.#emptied = this.#emptied;
    return copy;
  }

  #settle(): void {
    this.#seen = this.#durable.copy();
    this.#unsynced = [];
    this.#forgotten = [];
    this.#emptied = false;
  }
}

/** A beginning of what was written, torn at any byte; what follows in the torn sector may be noise. */
function inOrder(writes: readonly Write[], random: Random): Write[] {
  const total = writes.reduce((sum, { data }) => sum + data.length, 0);
  let left = random.integer(0, total);
  const kept: Write[] = [];
  for (const { offset, data } of writes) {
    const part = data.subarray(0, left);
    left -= part.length;
    kept.push({ offset, data: part });
    if (part.length === data.length) continue;
    if (random.chance(20)) {
      const noise = Math.min(data.length - part.length, random.integer(1, 64));
      kept.push({ offset: offset + part.length, data: random.bytes(noise) });
    }
    break;
  }
  return kept;
}

/** Sectors as the drive felt like writing them. */
function anyOrder(writes: readonly Write[], random: Random): Write[] {
  return writes.flatMap(({ offset, data }) => {
    const pieces: Write[] = [];
    for (let at = 0; at < data.length;) {
      const end = Math.min(data.length, at + sectorBytes - ((offset + at) % sectorBytes));
      if (random.chance(50)) pieces.push({ offset: offset + at, data: data.subarray(at, end) });
      at = end;
    }
    return pieces;
  });
}

/** A growing array; what lies between its end and a write behind it is zero. Copies share memory until one changes. */
class Bytes {
  #buffer = new Uint8Array(0);
  #isShared = false;
  length = 0;

  write(offset: number, data: Uint8Array): void {
    if (data.length === 0) return;
    this.extend(offset + data.length);
    this.#own(this.#buffer.length);
    this.#buffer.set(data, offset);
  }

  extend(length: number): void {
    if (length <= this.length) return;
    if (length > this.#buffer.length) this.#own(Math.max(length, this.#buffer.length * 2));
    this.length = length;
  }

  truncate(length: number): void {
    if (length >= this.length) return;
    this.#own(this.#buffer.length);
    this.#buffer.fill(0, length, this.length);
    this.length = length;
  }

  /** Only until the next change. */
  view(): Uint8Array {
    return this.#buffer.subarray(0, this.length);
  }

  copy(): Bytes {
    const copy = new Bytes();
    copy.#buffer = this.#buffer;
    copy.length = this.length;
    copy.#isShared = this.#isShared = true;
    return copy;
  }

  /** Memory of its own, with room for so many bytes. */
  #own(room: number): void {
    if (!this.#isShared && room === this.#buffer.length) return;
    const own = new Uint8Array(room);
    own.set(this.view());
    this.#buffer = own;
    this.#isShared = false;
  }
}
