import { expect, test } from "bun:test";
import { describeDependency, parseDependencies } from "./dependency.ts";

test("alternatives, versions and architecture qualifiers are read", () => {
  expect(parseDependencies("libc6 (>= 2.38), python3:any (>= 3.13~), default-mta | mail-transport-agent")).toEqual([
    [{ name: "libc6", bound: { relation: ">=", version: "2.38" } }],
    [{ name: "python3", architecture: "any", bound: { relation: ">=", version: "3.13~" } }],
    [{ name: "default-mta" }, { name: "mail-transport-agent" }],
  ]);
});

test("white space, empty groups and line breaks do not matter", () => {
  expect(parseDependencies("a(=1:2-3)|b,\n c , ")).toEqual([
    [{ name: "a", bound: { relation: "=", version: "1:2-3" } }, { name: "b" }],
    [{ name: "c" }],
  ]);
  expect(parseDependencies("")).toEqual([]);
});

test("the old spellings < and > include the bound", () => {
  expect(parseDependencies("a (< 2), b (> 3)").map(describeDependency)).toEqual(["a (<= 2)", "b (>= 3)"]);
});

test.each(["A package", "a (>= )", "a (~ 1)", "a [amd64]", "a <!nocheck>", "a (>= 1", "|"])("%p is refused", (text) => {
  expect(() => parseDependencies(text)).toThrow("cannot read dependency");
});
