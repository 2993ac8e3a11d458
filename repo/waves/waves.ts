/**
 * When a host may see an update: waves spread a release over the fleet.
 *
 * Every host has a seed from 0 to 2047, drawn once. A manifest maps the lowest seed of each wave to the time at which
 * the wave starts (Bottlerocket's format, update manifest `waves`). Within a wave the hosts follow one another at an
 * even pace until the next wave starts; the hosts of the last wave follow all at once.
 *
 * Bottlerocket's formula spreads by the absolute seed instead of the seed's place in its wave, so that most hosts of
 * later waves wait for the wave's end, and lets seed 0 go before the first wave. Here every seed belongs to the wave
 * whose lowest seed is at or below it: docs/decisions/0008-waves-open-smoothly.md.
 */
import { assert } from "../../lib/failure.ts";

export const seedLimit = 2048;

/** The seeds from `firstSeed` up to the next wave's may update from `start` on. */
export type Wave = { firstSeed: number; start: Date };

/** The moment from which `seed` may take the update; undefined when no wave holds it back. `waves` ascend by seed. */
export function opensAt(waves: readonly Wave[], seed: number): Date | undefined {
  assert(Number.isInteger(seed) && seed >= 0 && seed < seedLimit, `seed ${seed} is not from 0 to ${seedLimit - 1}`);
  const index = waves.findLastIndex((wave) => wave.firstSeed <= seed);
  const wave = waves[index];
  if (wave === undefined) return undefined;
  const next = waves[index + 1];
  if (next === undefined) return wave.start;
  const share = (seed - wave.firstSeed) / (next.firstSeed - wave.firstSeed);
  return new Date(wave.start.getTime() + share * (next.start.getTime() - wave.start.getTime()));
}
