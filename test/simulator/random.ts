/**
 * Random choices that a seed decides: xoroshiro128+ from pure-rand, the generator that fast-check uses.
 *
 * Everything random in a simulation comes from one of these, so that a seed is the whole story of a run.
 */
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { assert } from "../../lib/failure.ts";

export class Random {
  readonly #generator: ReturnType<typeof xoroshiro128plus>;

  constructor(seed: number) {
    this.#generator = xoroshiro128plus(seed);
  }

  /** Both ends are included. */
  integer(least: number, most: number): number {
    return uniformInt(this.#generator, least, most);
  }

  /** True in `percent` of a hundred cases. */
  chance(percent: number): boolean {
    return this.integer(1, 100) <= percent;
  }

  pick<T>(items: readonly T[]): T {
    assert(items.length > 0, "nothing to pick from");
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the index is within the list
    return items[this.integer(0, items.length - 1)] as T;
  }

  /** One of the names, as often as its weight says. */
  weighted<Name extends string>(weights: Readonly<Record<Name, number>>): Name {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a record's own keys are its names
    const entries = Object.entries(weights) as [Name, number][];
    let left = this.integer(
      1,
      entries.reduce((sum, [, weight]) => sum + weight, 0),
    );
    for (const [name, weight] of entries) {
      left -= weight;
      if (left <= 0) return name;
    }
    throw new Error("bug: the weights do not add up");
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.integer(0, 255)));
  }

  /** A seed for a source of its own, whose use does not disturb this one. */
  seed(): number {
    return this.integer(0, 0x7fffffff);
  }
}
