import { expect, test } from "bun:test";
import { assert, jsonValue, property, string } from "fast-check";
import { isFailure } from "../failure.ts";
import { isDeeperThan, maxJsonDepth, parseJson } from "./json.ts";

test("parseJson reads what JSON.stringify writes", () => {
  assert(
    property(jsonValue({ maxDepth: 5 }), (value) =>
      expect(parseJson(JSON.stringify(value))).toEqual(JSON.parse(JSON.stringify(value))),
    ),
  );
});

test.each([
  ["", "line 1, column 1: value expected"],
  ['{\n  "a": 1,\n}', "line 3, column 1: property name expected"],
  ['{"a" 1}', "line 1, column 6: colon expected"],
  ["[1 2]", "line 1, column 4: comma expected"],
  ['{"a": "b}', "line 1, column 7: unexpected end of string"],
  ["// no\n1", "line 1, column 1: invalid comment token"],
])("parseJson says where %j is wrong", (text, place) => {
  expect(() => parseJson(text)).toThrow(`cannot read JSON: ${place}`);
});

test("parseJson throws nothing but a Failure, for any text", () => {
  assert(
    property(string({ unit: "binary", maxLength: 200 }), (text) => {
      try {
        parseJson(text);
      } catch (error) {
        expect(isFailure(error, "bad-json")).toBe(true);
      }
    }),
  );
});

test("parseJson refuses what is nested too deep, before it recurses", () => {
  expect(parseJson("[".repeat(maxJsonDepth) + "]".repeat(maxJsonDepth))).toBeArray();
  expect(() => parseJson("[".repeat(maxJsonDepth + 1) + "]".repeat(maxJsonDepth + 1))).toThrow("nested");
  expect(() => parseJson("[".repeat(1_000_000))).toThrow("nested");
  expect(() => parseJson('{"a":'.repeat(500_000))).toThrow("nested");
});

test("brackets in strings do not count as nesting", () => {
  expect(isDeeperThan('["[[[[", "\\"[[[["]', 1)).toBe(false);
  expect(isDeeperThan("[[1]]", 1)).toBe(true);
});

test("a key called __proto__ is a key like others", () => {
  const value = parseJson('{"__proto__": {"a": 1}}');
  expect(Object.keys(value ?? {})).toEqual(["__proto__"]);
});
