import { expect, test } from "bun:test";
import { assert, constantFrom, integer, nat, option, property, record } from "fast-check";
import { testType } from "../../test/cases/type-cases.ts";
import {
  amount,
  bytesText,
  cpuSet,
  duration,
  durationFrom,
  isWhole,
  millisecondsOf,
  nanosOf,
  positiveAmount,
  quantity,
  threshold,
} from "./kubernetes-amounts.ts";

testType("quantity", quantity, {
  accepts: ["0", "1", "1.5", ".5", "5.", "-1", "+1", "500m", "10Mi", "1e3", "1E-3", "100n", "1u", "1k", "2Ei"],
  refuses: ["", "Mi", "1 Mi", "1mi", "1Ki5", "1e", "1ei3", "m", "1KB", "--1", "10%", "1K", "1e100", 10],
});
testType("amount", amount, { accepts: ["0", "-0", "+1", "1Gi"], refuses: ["-1", "-1n", "1K"] });
testType("positiveAmount", positiveAmount, { accepts: ["1n", "1Gi"], refuses: ["0", "0.0Mi", "-1", "x"] });
testType("threshold", threshold, {
  accepts: ["0%", "5%", "99.9%", "100Mi", "1Gi", "1"],
  refuses: ["100%", "101%", "-1%", "%", "5 %", "abc", "", "0", "-1Mi", 5],
});
testType("duration", duration, {
  accepts: ["0s", "30s", "1h5m", "1h5m30s", "1.5h", "100ms", "1m1ms", ".5s", "1h1m1s1ms"],
  refuses: ["", "30", "s", "1s1m", "1h1h", "-1s", "1 h", "1d", "1us", "2562048h", 30],
});
testType("durationFrom", durationFrom("3s"), {
  accepts: ["3s", "3000ms", "1m"],
  refuses: ["2s", "2999ms", "0s", "x", "2562048h"],
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

test("a duration is counted in milliseconds", () => {
  const texts = ["1h5m", "1.5s", ".5m1ms", "0s"];
  expect(texts.map(millisecondsOf)).toEqual([3_900_000, 1500, 30_001, 0]);
});

test("a quantity is counted in billionths, rounded away from 0", () => {
  const texts = ["1Gi", "1.5k", "-500m", "0.1n", "1e3", "010", "1.5Ki"];
  const nanos = [2n ** 30n * 10n ** 9n, 1500n * 10n ** 9n, -(5n * 10n ** 8n), 1n, 10n ** 12n, 10n ** 10n];
  expect(texts.map(nanosOf)).toEqual([...nanos, 1536n * 10n ** 9n]);
});

test("kubelet counts whole numbers only in some forms", () => {
  const whole = ["0", "00", "10Mi", "1.5k", "1e3", "999999999999999999", "99Ti", "-1"];
  const notWhole = ["1.5", "1.0", "1500m", "1.5Gi", "1Pi", "100Ti", "1000000000000000000", "1e19", "1u"];
  expect([...whole, ...notWhole].filter(isWhole)).toEqual(whole);
});

test("bytes are written with the largest unit that fits", () => {
  expect(["0", "1", "1Ki", "1000", "1536Mi", "2Gi"].map((text) => bytesText(nanosOf(text)))).toEqual([
    "0",
    "1",
    "1Ki",
    "1000",
    "1536Mi",
    "2Gi",
  ]);
});
