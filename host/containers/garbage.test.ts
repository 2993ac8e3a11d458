import { expect, test } from "bun:test";
import fc from "fast-check";
import { planGarbage } from "./garbage.ts";

const now = new Date("2026-03-01T12:00:00Z");
const dayMs = 24 * 60 * 60_000;
const image = (name: string, daysUnused: number) => {
  return { name, digest: `sha256:${name}`, usedAt: new Date(now.getTime() - daysUnused * dayMs) };
};
const images = [image("new", 0), image("last-week", 8), image("last-month", 30), image("yesterday", 1)];
const removed = (named: readonly string[], usedShare: number): string[] =>
  planGarbage(images, new Set(named), { now, usedShare }).map(({ name }) => name);

test("an image that nobody names stays a week", () => {
  expect(removed([], 0.5)).toEqual(["last-month", "last-week"]);
});

test("on a disk that gets full it goes at once, those unused for longest first", () => {
  expect(removed([], 0.9)).toEqual(["last-month", "last-week", "yesterday", "new"]);
});

test("what settings name, or a container was started from, stays however full the disk is", () => {
  expect(removed(["last-month", "sha256:new"], 1)).toEqual(["last-week", "yesterday"]);
});

test("nothing that is named ever goes", () => {
  const names = images.map(({ name }) => name);
  fc.assert(
    fc.property(fc.subarray(names), fc.double({ min: 0, max: 1, noNaN: true }), (named, usedShare) => {
      const gone = removed(named, usedShare);
      return named.every((name) => !gone.includes(name));
    }),
  );
});
