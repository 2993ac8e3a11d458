import { expect, test } from "bun:test";
import { isMet, median, percentile, table, type BenchReport } from "./report.ts";

const report: BenchReport = {
  benchmark: "boot",
  ours: "the dev image",
  peer: "stock Debian",
  limit: "a kernel whose init prints",
  figures: [
    { name: "kernel to API", unit: "seconds", ours: 5, peer: 20, limit: 1.25, goal: { beside: "peer", atMost: 0.5 } },
    { name: "requests", unit: "per second", ours: 900.4, limit: 2000, goal: { beside: "limit", atLeast: 0.5 } },
  ],
  notes: ["median of 3"],
  computer: "2 × something",
};

test("the table has each figure beside peer, limit, ratios and whether the goal is met", () => {
  expect(table(report).split("\n")).toEqual([
    "|               |   ours |    peer | ours / peer |  limit | ours / limit |                  goal |",
    "| ------------- | -----: | ------: | ----------: | -----: | -----------: | --------------------: |",
    "| kernel to API | 5.00 s | 20.00 s |        0.25 | 1.25 s |         4.00 |     ≤ 0.5 × peer: met |",
    "| requests      |  900/s |         |             | 2000/s |         0.45 | ≥ 0.5 × limit: missed |",
    "",
    "- ours: the dev image",
    "- peer: stock Debian",
    "- limit: a kernel whose init prints",
    "- median of 3",
    "- measured on 2 × something",
  ]);
});

test("a goal beside a figure that was not measured is neither met nor missed", () => {
  expect(isMet({ name: "x", unit: "seconds", ours: 1, goal: { beside: "peer", atMost: 1 } })).toBeUndefined();
});

test("percentiles are values that were measured", () => {
  const values = [5, 1, 4, 2, 3];
  expect(median(values)).toBe(3);
  expect(percentile(values, 0.99)).toBe(5);
  expect(percentile(values, 0.2)).toBe(1);
  expect(percentile([], 0.5)).toBeNaN();
});
