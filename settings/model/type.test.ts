import { expect, test } from "bun:test";
import { property, assert, integer, double } from "fast-check";
import { Literal } from "../../lib/text/literal.ts";
import { testType } from "../../test/cases/type-cases.ts";
import { decimal, flag, int32, listOf, oneOf, itemOrList, uint32, unlimitedOr, wholeNumber } from "./type.ts";

testType("flag", flag, { accepts: [true, false], refuses: ["true", 1, 0, null, [], {}] });
testType("oneOf", oneOf("none", "integrity"), {
  accepts: ["none", "integrity"],
  refuses: ["None", "", "integrity ", null, ["none"]],
});
testType("int32", wholeNumber(int32), {
  accepts: [0, -1, 2147483647, -2147483648],
  refuses: [2147483648, -2147483649, 0.5, "1", null, true],
});
testType("uint32", wholeNumber(uint32), { accepts: [0, 4294967295], refuses: [-1, 4294967296, "0"] });
testType("a multiple", wholeNumber({ least: 65_536, most: uint32.most, multipleOf: 65_536 }), {
  accepts: [65_536, 131_072],
  refuses: [0, 65_537],
});
testType("unlimitedOr", unlimitedOr(wholeNumber({ least: 1, most: 9 })), {
  accepts: [-1, 1, 9],
  refuses: [0, -2, "-1"],
});
testType("listOf", listOf(flag), { accepts: [[], [true, false]], refuses: [true, [1], {}, Array(1001).fill(true)] });
testType("oneOrList", itemOrList(oneOf("a", "b")), {
  accepts: [["a"], [], ["a", "b"]],
  becomes: [["a", ["a"]]],
  refuses: ["c", ["a", "c"], null],
});

test("a whole number within bounds is accepted and one without is not", () => {
  const type = wholeNumber({ least: -5, most: 1000 }).schema();
  assert(property(integer(), (value) => type.safeParse(value).success === (value >= -5 && value <= 1000)));
  assert(property(double(), (value) => Number.isInteger(value) || !type.safeParse(value).success));
});

test("a whole number refuses 110.0, a decimal takes 1.0", () => {
  expect(wholeNumber(uint32).schema().safeParse(new Literal("110.0", 110)).success).toBe(false);
  const part = decimal({ above: 0, most: 1 }).schema();
  expect(part.safeParse(new Literal("1.0", 1))).toEqual({ success: true, data: 1 });
  expect(part.safeParse(0.9)).toEqual({ success: true, data: 0.9 });
  for (const value of [0, 1.5, new Literal("inf"), new Literal("2.0", 2), "0.9"]) {
    expect(part.safeParse(value).success).toBe(false);
  }
});
