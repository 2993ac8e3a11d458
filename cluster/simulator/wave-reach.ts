/**
 * What waves do to a fleet: how much of it may take a version by when, and how much takes a bad one before it is noticed.
 *
 * Hosts draw their seeds evenly, so a share of the seeds is that share of the fleet.
 */
import { opensAt, seedLimit, type Wave } from "../../repo/waves/waves.ts";
import { assert } from "../../lib/failure.ts";

export type WaveReach = {
  /** By wave: the hosts that it opens to, as shares of the fleet, and over which time. */
  waves: { opensMs: number; lastsMs: number; share: number; shareSoFar: number }[];
  /** By share of the fleet in percent: how long after the release that many may have it. */
  reached: { percent: number; afterMs: number }[];
  /** The largest share of the fleet that opens within the notice time, whenever that begins. */
  blastRadius: { share: number; fromMs: number };
};

/** What a recommended policy can keep to. */
export const leastPercent = 2;

const landmarks = [1, 5, 10, 25, 50, 75, 90, 99, 100];

/**
 * @param start when the release counts from
 * @param noticeMs how long a bad version is out before somebody has noticed and recalled it
 */
export function waveReach(waves: readonly Wave[], start: Date, noticeMs: number): WaveReach {
  // Ascending, since waves ascend by seed and open one after the other; without waves all may at once.
  const opens = Array.from({ length: seedLimit }, (_, seed) => opensAt(waves, seed)?.getTime() ?? start.getTime())
    .map((ms) => ms - start.getTime())
    .toSorted((a, b) => a - b);
  return {
    waves: waves.map(({ firstSeed, start: opensAtDate }, index) => {
      const next = waves[index + 1];
      const endSeed = next?.firstSeed ?? seedLimit;
      return {
        opensMs: opensAtDate.getTime() - start.getTime(),
        lastsMs: next === undefined ? 0 : next.start.getTime() - opensAtDate.getTime(),
        share: (endSeed - firstSeed) / seedLimit,
        shareSoFar: endSeed / seedLimit,
      };
    }),
    reached: landmarks.map((percent) => ({
      percent,
      afterMs: opens[Math.ceil((percent / 100) * seedLimit) - 1] ?? 0,
    })),
    blastRadius: widest(opens, noticeMs),
  };
}

/** The most openings that lie within `noticeMs` of one another. */
function widest(opens: readonly number[], noticeMs: number): WaveReach["blastRadius"] {
  let best = { share: 0, fromMs: 0 };
  let last = 0;
  opens.forEach((fromMs, first) => {
    while (last < opens.length && (opens[last] ?? 0) < fromMs + noticeMs) last++;
    if ((last - first) / seedLimit > best.share) best = { share: (last - first) / seedLimit, fromMs };
  });
  return best;
}

/**
 * A wave policy by which at most `radius` of the fleet takes a bad version, when it takes `noticeMs` to notice one, no
 * matter which hosts it is bad for.
 *
 * @param percent of the fleet, from 2 to 100: waves are written in whole percents, and the last two count together
 */
export function recommendedPolicy(percent: number, noticeMs: number): string {
  assert(percent >= leastPercent && percent <= 100, `a radius of ${percent} % cannot be kept to`);
  // Within a wave hosts follow one another at an even pace, so one long wave keeps to the radius throughout. The last
  // one opens all at once, and counts together with what opened just before it.
  const atOnce = percent === 100 ? 100 : Math.floor(percent / 2);
  const pace = percent - atOnce;
  const lastMs = atOnce === 100 ? 0 : ((100 - atOnce) / pace) * noticeMs;
  const waves = [
    { afterMs: 0, share: 100 - atOnce },
    { afterMs: lastMs, share: 100 },
  ];
  return waves
    .filter(({ share }) => share > 0)
    .map(({ afterMs, share }) => `[[waves]]\nstart_after = "${minutes(afterMs)}"\nfleet_percentage = ${share}\n`)
    .join("\n");
}

function minutes(ms: number): string {
  return `${Math.ceil(ms / 60_000)} minutes`;
}
