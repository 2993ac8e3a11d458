import { expect, test } from "bun:test";
import { assert, jsonValue, property } from "fast-check";
import { readJsonDocument } from "./json-document.ts";
import { Literal } from "./literal.ts";
import { placeOf } from "./places.ts";

const document = `{
  "a": { "b": [1, { "c": true }] },
  "d": null
}`;

function read(text: string) {
  const result = readJsonDocument(text);
  if (!result.ok) throw new Error(result.error.message);
  return result;
}

test("readJsonDocument agrees with JSON.parse", () => {
  assert(
    property(jsonValue({ maxDepth: 4, stringUnit: "binary" }), (value) => {
      const text = JSON.stringify(value, null, 1);
      if (/[\d][.eE]|\d{16}/.test(text)) return; // numbers that become literals
      expect(read(text).value).toEqual(JSON.parse(text));
    }),
  );
});

test.each([
  [["a"], "name", 2, 3],
  [["a"], "value", 2, 8],
  [["a", "b", 1, "c"], "name", 2, 21],
  [["a", "b", 0], "value", 2, 16],
  [["d"], "value", 3, 8],
  [["missing"], "name", 1, 1],
] as const)("the place of %j as %s is line %d, column %d", (path, which, line, column) => {
  expect(placeOf(read(document).places(), path, which)).toEqual({ line, column });
});

test("numbers that are written as no whole number, or too large, stay as they were written", () => {
  expect(read('{"a": 110.0, "b": 1e2, "c": 0.5, "d": 9007199254740993}').value).toEqual({
    a: new Literal("110.0", 110),
    b: new Literal("1e2", 100),
    c: 0.5,
    d: new Literal("9007199254740993"),
  });
});

test.each([
  ['{"a": 1, "b": {"c": 1,\n "c": 2}}', { line: 2, column: 2, message: 'the key "c" is given twice' }],
  ['{"a": }', { line: 1, column: 7 }],
  ["{} {}", { line: 1, column: 4 }],
  ["[".repeat(1_000_000), { line: 1, column: 1 }],
])("%j is refused with its place", (text, error) => {
  expect(readJsonDocument(text)).toMatchObject({ ok: false, error });
});

test("a key called __proto__ is a key like others", () => {
  expect(Object.keys(read('{"__proto__": 1}').value ?? {})).toEqual(["__proto__"]);
});
