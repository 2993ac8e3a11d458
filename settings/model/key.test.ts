import { expect, test } from "bun:test";
import { array, assert, property, string } from "fast-check";
import { isFailure } from "../../lib/failure.ts";
import { isUnder, joinKey, splitKey } from "./key.ts";

test.each([
  [["settings", "motd"], "settings.motd"],
  [["settings", "kubernetes", "node-labels", "my.label"], 'settings.kubernetes.node-labels."my.label"'],
  [["a", ""], 'a.""'],
  [["a", 'b"c\\d'], 'a."b\\"c\\\\d"'],
  [["a_b-9"], "a_b-9"],
  [["é"], '"é"'],
])("%j reads %s", (segments, key) => {
  expect(joinKey(segments)).toBe(key);
  expect(splitKey(key)).toEqual(segments);
});

test("splitKey undoes joinKey for any names", () => {
  const names = array(string({ unit: "binary" }), { minLength: 1, maxLength: 5 });
  assert(property(names, (segments) => expect(splitKey(joinKey(segments))).toEqual(segments)));
});

test.each([
  ["", "empty segment at character 1"],
  ["a.", "empty segment at character 3"],
  ["a..b", "empty segment at character 3"],
  [".a", "empty segment at character 1"],
  ["a b", "unexpected character at character 2"],
  ['a."b', "a quote is not closed at character 3"],
  ['a."b"c', "unexpected character at character 6"],
  ["a.é", "unexpected character at character 3"],
])("splitKey says what is wrong with %j", (key, message) => {
  expect(() => splitKey(key)).toThrow(message);
});

test("splitKey throws nothing but a Failure", () => {
  assert(
    property(string({ unit: "binary" }), (key) => {
      try {
        expect(joinKey(splitKey(key)).length).toBeGreaterThan(0);
      } catch (error) {
        expect(isFailure(error, "bad-key")).toBe(true);
      }
    }),
  );
});

test("isUnder looks at whole segments", () => {
  expect(isUnder("settings.ntp", "settings.ntp")).toBe(true);
  expect(isUnder("settings.ntp.options", "settings.ntp")).toBe(true);
  expect(isUnder("settings.ntpx", "settings.ntp")).toBe(false);
  expect(isUnder("settings", "settings.ntp")).toBe(false);
});
