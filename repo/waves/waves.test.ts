import { expect, test } from "bun:test";
import { join } from "node:path";
import fc from "fast-check";
import { wavesOf } from "./wave-policy.ts";
import { opensAt, seedLimit } from "./waves.ts";

const start = new Date("2026-01-01T00:00:00Z");
const policy = async (name: string): Promise<string> =>
  Bun.file(join(import.meta.dir, "policies", `${name}.toml`)).text();
const hoursAfter = (moment: Date | undefined): number =>
  ((moment?.getTime() ?? Number.NaN) - start.getTime()) / 3_600_000;

test("the default policy has the bounds that Bottlerocket computes from it", async () => {
  const waves = wavesOf(await policy("default"), start, "default");
  expect(waves.map((wave) => [wave.firstSeed, hoursAfter(wave.start)])).toEqual([
    [0, 1], [20, 4], [102, 24], [307, 48], [819, 96], [1228, 120], [1843, 144],
  ]); // prettier-ignore
});

test("a seed opens at its place within its own wave", async () => {
  const waves = wavesOf(await policy("default"), start, "default");
  expect(hoursAfter(opensAt(waves, 0))).toBe(1);
  expect(hoursAfter(opensAt(waves, 10))).toBe(2.5);
  expect(hoursAfter(opensAt(waves, 20))).toBe(4);
  expect(hoursAfter(opensAt(waves, 500))).toBeCloseTo(48 + 65137.5 / 3600, 6);
  expect(hoursAfter(opensAt(waves, 1500))).toBeCloseTo(120 + (272 / 615) * 24, 6);
  expect(hoursAfter(opensAt(waves, 2000))).toBe(144);
});

test("without waves nothing holds a host back", () => {
  expect(opensAt([], 77)).toBeUndefined();
});

test("a later seed never opens before an earlier one, in every policy", async () => {
  for (const name of ["default", "accelerated", "ohno", "slow-roll"]) {
    const waves = wavesOf(await policy(name), start, name);
    const seed = fc.integer({ min: 0, max: seedLimit - 2 });
    fc.assert(fc.property(seed, (each) => hoursAfter(opensAt(waves, each)) <= hoursAfter(opensAt(waves, each + 1))));
  }
});

test("a policy that skips hosts, runs backwards or is misspelt is refused with the place", () => {
  const wave = (after: string, percent: number | string): string =>
    `[[waves]]\nstart_after = "${after}"\nfleet_percentage = ${percent}\n`;
  expect(() => wavesOf(wave("1 hour", 50), start, "p")).toThrow("fleet_percentage of 100");
  expect(() => wavesOf(wave("2 hours", 50) + wave("1 hour", 100), start, "p")).toThrow("wave 2 must start after");
  expect(() => wavesOf(wave("1 hour", 50) + wave("2 hours", 50), start, "p")).toThrow("larger fleet_percentage");
  expect(() => wavesOf(wave("1 fortnight", 100), start, "p")).toThrow("wave 1");
  expect(() => wavesOf(wave("1 hour", 1.5), start, "p")).toThrow("fleet_percentage");
  expect(() => wavesOf("[[waves]\n", start, "p")).toThrow("line 1");
});
