import { expect, test } from "bun:test";
import fc from "fast-check";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { wavesOf } from "../../repo/waves/wave-policy.ts";
import { recommendedPolicy, waveReach } from "./wave-reach.ts";

const start = new Date("2026-12-01T00:00:00Z");
const hourMs = 3_600_000;
const shipped = async (name: string) =>
  wavesOf(await readFile(join(import.meta.dir, `../../repo/waves/policies/${name}.toml`), "utf8"), start, name);

test("what the default policy does is told wave by wave", async () => {
  const reach = waveReach(await shipped("default"), start, 4 * hourMs);
  expect(reach.waves[0]).toMatchObject({ opensMs: hourMs, lastsMs: 3 * hourMs });
  expect(reach.waves.at(-1)?.shareSoFar).toBe(1);
  expect(reach.reached.at(-1)).toEqual({ percent: 100, afterMs: 6 * 24 * hourMs });
  // The last tenth opens at once.
  expect(reach.blastRadius.share).toBeGreaterThan(0.1);
});

test("without waves everybody may at once", () => {
  const reach = waveReach([], start, hourMs);
  expect(reach.blastRadius).toEqual({ share: 1, fromMs: 0 });
  expect(reach.reached.every(({ afterMs }) => afterMs === 0)).toBe(true);
});

test("a recommended policy keeps to the radius it was asked for", () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 100 }), fc.integer({ min: 5, max: 72 * 60 }), (percent, minutes) => {
      const waves = wavesOf(recommendedPolicy(percent, minutes * 60_000), start, "recommended");
      const { blastRadius, reached } = waveReach(waves, start, minutes * 60_000);
      // One seed is 1/2048 of the fleet, and boundaries of waves are whole seeds.
      expect(blastRadius.share).toBeLessThanOrEqual(percent / 100 + 2 / 2048);
      const atOnce = (100 / percent) * minutes * 60_000;
      expect(reached.at(-1)?.afterMs ?? 0).toBeLessThanOrEqual(3 * atOnce + 2 * minutes * 60_000);
    }),
  );
});
