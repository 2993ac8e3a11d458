import { expect, test } from "bun:test";
import fc from "fast-check";
import { compareVersions, satisfies } from "./version.ts";

// Each line goes from older to newer; the cases are those that Debian Policy 5.6.12 and deb-version(7) name.
const ascending = [
  ["1.0~~", "1.0~~a", "1.0~", "1.0", "1.0a"],
  ["1.0~beta1~svn1245", "1.0~beta1", "1.0"],
  ["1.2", "1.10"],
  ["1.0-1", "1.0-1+b1", "1.0-1+deb13u1", "1.0-1.1", "1.0-2", "1.0-10"],
  ["9.9-9", "1:0.1-1", "2:0"],
  ["1.0", "1.0A", "1.0a", "1.0b", "1.0+", "1.0.1"],
  ["0.9.8", "0.9.8a", "0.9.8.1"],
  ["6.12.9-1~bpo12+1", "6.12.9-1", "6.12.10-1"],
  ["1.7.24~ds1-6", "1.7.24~ds1-6+b4", "1.7.24~ds1-6+deb13u1", "1.7.24"],
  ["99999999999999999998", "99999999999999999999", "100000000000000000000"],
];

for (const versions of ascending) {
  test(`${versions.join(" < ")}`, () => {
    for (const [index, older] of versions.entries()) {
      expect(compareVersions(older, older)).toBe(0);
      for (const newer of versions.slice(index + 1)) {
        expect(compareVersions(older, newer)).toBeLessThan(0);
        expect(compareVersions(newer, older)).toBeGreaterThan(0);
      }
    }
  });
}

test("leading zeros, an absent epoch and an absent revision do not matter", () => {
  expect(compareVersions("1.02", "1.2")).toBe(0);
  expect(compareVersions("0:1.2", "1.2")).toBe(0);
  expect(compareVersions("1.2-0", "1.2")).toBe(0);
});

test("relations include or leave out the bound", () => {
  expect(satisfies("2.0", "<<", "2.0")).toBe(false);
  expect(satisfies("2.0~rc1", "<<", "2.0")).toBe(true);
  expect(satisfies("2.0", "<=", "2.0")).toBe(true);
  expect(satisfies("2.0", "=", "2.0-0")).toBe(true);
  expect(satisfies("2.0", ">=", "2.0")).toBe(true);
  expect(satisfies("2.0", ">>", "2.0")).toBe(false);
});

test("the order is total: antisymmetric and transitive", () => {
  const version = fc.stringMatching(/^([0-2]:)?[0-9][0-9a-zA-B.+~]{0,6}(-[0-9a-b+.~]{1,4})?$/);
  fc.assert(
    fc.property(version, version, version, (a, b, c) => {
      const sorted = [a, b, c].toSorted(compareVersions);
      expect(Math.sign(compareVersions(a, b))).toBe(-Math.sign(compareVersions(b, a)) || 0);
      expect(compareVersions(sorted[0] ?? "", sorted[2] ?? "")).toBeLessThanOrEqual(0);
    }),
    { numRuns: 2000 },
  );
});
