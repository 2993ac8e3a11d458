/**
 * Where in an older file the bytes of a newer one stand: every window of it by its hash, at steps of a window.
 *
 * What both files share is found wherever it moved to, as long as it has nearly two windows.
 */

/** The same bytes in both. `at` is where in the newer file. */
export type Match = { at: number; offset: number; bytes: number };

const windowBytes = 32;
/** Shorter ones are found by chance, and cost more than they bring. */
const shortestBytes = 64;
/** Of the polynomial, modulo 2^32; odd. */
const factor = 0x0de6_3c4b;
const mixer = 0x9e37_79b1;
const fewestSlotBits = 8;
const mostSlotBits = 25;

/** factor ** (windowBytes - 1) */
const outgoing = Array.from({ length: windowBytes - 1 }).reduce<number>((power) => Math.imul(power, factor), 1);

export class SourceIndex {
  readonly source: Uint8Array;
  /** Number of a window, from 1 on, by the hash of its bytes; 0 for none. */
  readonly #windows: Uint32Array;
  readonly #shift: number;

  /** @param source less than 64 GiB */
  constructor(source: Uint8Array) {
    this.source = source;
    const count = Math.floor(source.length / windowBytes);
    const bits = Math.min(mostSlotBits, Math.max(fewestSlotBits, Math.ceil(Math.log2(count + 1)) + 1));
    this.#windows = new Uint32Array(2 ** bits);
    this.#shift = 32 - bits;
    for (let window = 0; window < count; window++) {
      const at = window * windowBytes;
      if (isFilled(source, at)) continue;
      const slot = this.#slotOf(hashAt(source, at));
      // The first one stays: what is there many times is then found near what came with it.
      if (this.#windows[slot] === 0) this.#windows[slot] = window + 1;
    }
  }

  /** What is between `start` and `end` of `content` and in the source too, in order, without overlaps. */
  matches(content: Uint8Array, start: number, end: number): Match[] {
    const found: Match[] = [];
    let free = start;
    let at = start;
    let hash = at + windowBytes <= end ? hashAt(content, at) : 0;
    while (at + windowBytes <= end) {
      const window = this.#windows[this.#slotOf(hash)] ?? 0;
      const match = window === 0 ? undefined : this.#matchAround(content, at, (window - 1) * windowBytes, free, end);
      if (match !== undefined) {
        found.push(match);
        free = at = match.at + match.bytes;
        hash = at + windowBytes <= end ? hashAt(content, at) : 0;
        continue;
      }
      if (at + windowBytes < end) hash = rolled(hash, content[at] ?? 0, content[at + windowBytes] ?? 0);
      at++;
    }
    return found;
  }

  /** As far as both are the same, before and behind. */
  #matchAround(content: Uint8Array, at: number, offset: number, free: number, end: number): Match | undefined {
    const { source } = this;
    const most = Math.min(end - at, source.length - offset);
    let after = 0;
    while (after < most && content[at + after] === source[offset + after]) after++;
    if (after < windowBytes) return undefined;
    const least = Math.min(at - free, offset);
    let before = 0;
    while (before < least && content[at - before - 1] === source[offset - before - 1]) before++;
    const bytes = before + after;
    return bytes < shortestBytes ? undefined : { at: at - before, offset: offset - before, bytes };
  }

  #slotOf(hash: number): number {
    return Math.imul(hash, mixer) >>> this.#shift;
  }
}

function hashAt(bytes: Uint8Array, at: number): number {
  let hash = 0;
  for (let index = at; index < at + windowBytes; index++) hash = (Math.imul(hash, factor) + (bytes[index] ?? 0)) | 0;
  return hash;
}

function rolled(hash: number, out: number, into: number): number {
  return (Math.imul(hash - Math.imul(out, outgoing), factor) + into) | 0;
}

/** With one byte over and over: found everywhere, and good for nothing. */
function isFilled(bytes: Uint8Array, at: number): boolean {
  for (let index = at + 1; index < at + windowBytes; index++) if (bytes[index] !== bytes[at]) return false;
  return true;
}
