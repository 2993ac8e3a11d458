import { expect, test } from "bun:test";
import { assert, constantFrom, integer, nat, option, property, record } from "fast-check";
import { testType } from "../test/type-cases.ts";
import { cpuSet, duration, quantity, threshold } from "./kubernetes-amounts.ts";

testType("quantity", quantity, {
  accepts: ["0", "1", "1.5", ".5", "5.", "-1", "+1", "500m", "10Mi", "1e3", "1E-3", "100n", "1u", "1k", "2Ei"],
  refuses: ["", "Mi", "1 Mi", "1mi", "1Ki5", "1e", "1ei3", "m", "1KB", "--1", "10%", 10],
});
testType("threshold", threshold, {
  accepts: ["0%", "5%", "99.9%", "100Mi", "1Gi", "1"],
  refuses: ["100%", "101%", "-1%", "%", "5 %", "abc", "", 5],
});
testType("duration", duration, {
  accepts: ["0s", "30s", "1h5m", "1h5m30s", "1.5h", "100ms", "1m1ms", ".5s", "1h1m1s1ms"],
  refuses: ["", "30", "s", "1s1m", "1h1h", "-1s", "1 h", "1d", "1us", 30],
});
testType("cpuSet", cpuSet, {
  accepts: ["0", "0-3", "0-3,7", "1,3,5", "2-2"],
  refuses: ["", "3-0", "0-", "-1", "0,,1", "0, 1", "a", "0-3-5", 0],
});

test("every whole duration in the right order is one", () => {
  const amount = option(nat(999));
  assert(
    property(record({ h: amount, m: amount, s: amount, ms: amount }), (parts) => {
      const text = Object.entries(parts)
        .flatMap(([unit, value]) => (value === null ? [] : [`${value}${unit}`]))
        .join("");
      expect(duration.schema().safeParse(text).success).toBe(text !== "");
    }),
  );
});

test("every number with a suffix of Kubernetes is a quantity", () => {
  const suffixes = constantFrom(
    "",
    "n",
    "u",
    "m",
    "k",
    "K",
    "M",
    "G",
    "T",
    "P",
    "E",
    "Ki",
    "Mi",
    "Gi",
    "Ti",
    "Pi",
    "Ei",
    "e3",
  );
  assert(property(integer(), suffixes, (value, suffix) => quantity.schema().safeParse(`${value}${suffix}`).success));
});
