import { describe, expect, test } from "bun:test";
import { Literal } from "./literal.ts";
import { placeOf } from "./places.ts";
import { readToml } from "./toml.ts";

const document = `# comment
title = "x"
[a."b.c"]
d = [1, { e = 2 },
  3]
f.g = true
[[list]]
n = 1
[[list]]
n = 2
[list.inner]
m = 3
`;

function read(text: string) {
  const result = readToml(text);
  if (!result.ok) throw new Error(result.error.message);
  return result;
}

test("readToml gives plain values", () => {
  expect(read(document).value).toEqual({
    title: "x",
    a: { "b.c": { d: [1, { e: 2 }, 3], f: { g: true } } },
    list: [{ n: 1 }, { n: 2, inner: { m: 3 } }],
  });
});

test.each([
  [["title"], "name", 2, 1],
  [["title"], "value", 2, 9],
  [["a"], "name", 3, 2],
  [["a", "b.c"], "name", 3, 4],
  [["a", "b.c", "d", 1, "e"], "name", 4, 11],
  [["a", "b.c", "d", 1, "e"], "value", 4, 15],
  [["a", "b.c", "d", 2], "value", 5, 3],
  [["a", "b.c", "f", "g"], "name", 6, 3],
  [["list", 0, "n"], "value", 8, 5],
  [["list", 1, "n"], "value", 10, 5],
  [["list", 1, "inner", "m"], "name", 12, 1],
  // What is not there is placed at what would hold it.
  [["a", "b.c", "missing", "x"], "name", 3, 4],
  [["missing"], "name", 1, 1],
] as const)("the place of %j as %s is line %d, column %d", (path, which, line, column) => {
  expect(placeOf(read(document).places(), path, which)).toEqual({ line, column });
});

describe("what JSON cannot hold stays as it was written", () => {
  test.each([
    ["110.0", "110.0", 110],
    ["1e3", "1000.0", 1000],
    ["inf", "inf", undefined],
    ["-inf", "-inf", undefined],
    ["nan", "nan", undefined],
    ["9007199254740993", "9007199254740993", undefined],
    ["1979-05-27", "1979-05-27", undefined],
    ["07:32:00", "07:32:00.000", undefined],
  ])("%s", (written, text, decimal) => {
    expect(read(`x = ${written}`).value).toEqual({ x: new Literal(text, decimal) });
  });
});

test("numbers that JSON can hold are numbers", () => {
  expect(read("a = 0x1F\nb = 1_000\nc = -5\nd = 0.5\ne = 9007199254740991").value).toEqual({
    a: 31,
    b: 1000,
    c: -5,
    d: 0.5,
    e: Number.MAX_SAFE_INTEGER,
  });
});

test.each([
  ["a = ", 1, 5],
  ["a = 1\na = 2", 2, 1],
  ["[a]\nb = 1\n[a]", 3, 2],
  ['a = "\\q"', 1, 7],
  ["a = 01", 1, 5],
  ["x = [[[[", 1, 8],
])("readToml says where %j is wrong", (text, line, column) => {
  expect(readToml(text)).toMatchObject({ ok: false, error: { line, column, message: expect.any(String) } });
});

test.each([
  "x = " + "[".repeat(100_000),
  "a.".repeat(100_000) + "b = 1",
  "[" + "a.".repeat(100_000) + "b]",
  "x = " + "{a=".repeat(100_000),
])("what is nested too deep is refused without recursion", (text) => {
  expect(readToml(text)).toMatchObject({ ok: false, error: { message: expect.stringContaining("nested") } });
});

test("a key called __proto__ is a key like others", () => {
  expect(Object.keys(read("__proto__.x = 1").value ?? {})).toEqual(["__proto__"]);
  expect(placeOf(read("\n__proto__.x = 1").places(), ["__proto__", "x"], "value")).toEqual({ line: 2, column: 15 });
});

test("a text too long for the second parser has no places, and is read all the same", () => {
  const result = read(`a = 1\nb = "${"x".repeat(1_000_000)}"`);
  expect(placeOf(result.places(), ["b"], "value").column).toBeGreaterThan(0);
});
