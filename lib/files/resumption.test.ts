import { expect, test } from "bun:test";
import { rangeHeaders, type RestAnswer, restAnswer } from "./resumption.ts";

test.each<[RestAnswer, number, number, string]>([
  ["rest", 100, 206, "bytes 100-299/300"],
  ["rest", 0, 206, "bytes 0-299/300"],
  ["whole", 100, 200, ""],
  ["whole", 0, 200, ""],
  ["elsewhere", 100, 206, "bytes 0-99/300"],
  ["elsewhere", 100, 206, "bytes 1000-1099/3000"],
  ["elsewhere", 100, 206, ""],
  ["elsewhere", 100, 416, "bytes */50"],
  ["refused", 0, 416, ""],
  ["refused", 100, 204, ""],
  ["refused", 100, 404, ""],
  ["refused", 100, 429, ""],
  ["refused", 100, 503, ""],
])("an answer is %s when from byte %d on was asked for and it is %d %s", (expected, offset, status, range) => {
  const headers = new Headers(range === "" ? {} : { "content-range": range });
  expect(restAnswer({ status, headers }, offset)).toBe(expected);
});

test("a download from the first byte asks for no range", () => {
  expect(rangeHeaders(0)).toEqual({});
  expect(rangeHeaders(7)).toEqual({ range: "bytes=7-" });
});
