/** Values by number: equal ones have the same, so that a state of a model is a few small numbers. */
export class Interned<Value> {
  readonly #ids = new Map<string, number>();
  readonly #values: Value[] = [];

  id(value: Value): number {
    const text = JSON.stringify(value);
    const known = this.#ids.get(text);
    if (known !== undefined) return known;
    const id = this.#values.length;
    this.#ids.set(text, id);
    this.#values.push(value);
    return id;
  }

  value(id: number): Value {
    const value = this.#values[id];
    if (value === undefined) throw new Error(`bug: nothing is number ${id}`);
    return value;
  }

  get size(): number {
    return this.#values.length;
  }
}

/** Lists of numbers by number, all of one length: an open-addressing table over one array. */
export class StateTable {
  readonly #width: number;
  #slots = new Int32Array(1 << 16).fill(-1);
  #words = new Int32Array(1 << 18);
  size = 0;

  constructor(width: number) {
    this.#width = width;
  }

  /** The number of a state, which is `size` before when it is new. */
  id(state: readonly number[]): number {
    if (this.size * 2 > this.#slots.length) this.#grow();
    let slot = this.#hash(state) & (this.#slots.length - 1);
    for (;;) {
      const known = this.#slots[slot] ?? -1;
      if (known < 0) return this.#add(slot, state);
      if (this.#isAt(known, state)) return known;
      slot = (slot + 1) & (this.#slots.length - 1);
    }
  }

  state(id: number): number[] {
    return Array.from(this.#words.subarray(id * this.#width, (id + 1) * this.#width));
  }

  #add(slot: number, state: readonly number[]): number {
    const id = this.size++;
    if (this.size * this.#width > this.#words.length) {
      const words = new Int32Array(this.#words.length * 2);
      words.set(this.#words);
      this.#words = words;
    }
    this.#words.set(state, id * this.#width);
    this.#slots[slot] = id;
    return id;
  }

  #isAt(id: number, state: readonly number[]): boolean {
    const start = id * this.#width;
    for (let at = 0; at < this.#width; at++) if (this.#words[start + at] !== state[at]) return false;
    return true;
  }

  #hash(state: readonly number[]): number {
    let hash = 0x811c9dc5;
    for (const word of state) {
      hash = Math.imul(hash ^ word, 0x01000193);
      hash ^= hash >>> 15;
    }
    return hash >>> 0;
  }

  #grow(): void {
    this.#slots = new Int32Array(this.#slots.length * 2).fill(-1);
    for (let id = 0; id < this.size; id++) {
      let slot = this.#hash(this.state(id)) & (this.#slots.length - 1);
      while ((this.#slots[slot] ?? -1) >= 0) slot = (slot + 1) & (this.#slots.length - 1);
      this.#slots[slot] = id;
    }
  }
}
