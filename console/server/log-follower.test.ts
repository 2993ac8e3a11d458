import { expect, test } from "bun:test";
import { newLines } from "./log-follower.ts";

test.each([
  [[], ["a", "b"], ["a", "b"]],
  [["a", "b"], ["a", "b"], []],
  [["a", "b"], ["a", "b", "c"], ["c"]],
  [["a", "b", "c"], ["b", "c", "d"], ["d"]],
  [
    ["a", "b"],
    ["c", "d"],
    ["c", "d"],
  ],
  [["x", "x"], ["x", "x", "x"], ["x"]],
  [["a", "b"], [], []],
])("after %j, of %j the new ones are %j", (known, lines, fresh) => {
  expect(newLines(known, lines)).toEqual(fresh);
});
