import { expect, test } from "bun:test";
import { parseControl } from "./control.ts";

test("paragraphs, continuation lines, comments and the case of field names are read", () => {
  const text = "Package: a\nDepends: b,\n c\n# a comment\n d\n\n\nPACKAGE:x\nDescription: one\n .\n  two";
  expect([...parseControl(text, "index")].map((paragraph) => Object.fromEntries(paragraph))).toEqual([
    { package: "a", depends: "b,\nc\nd" },
    { package: "x", description: "one\n.\n two" },
  ]);
});

test.each(["no field", " continuation of nothing", ": no name", "A: b\n\n c"])(
  "%p is refused with its line",
  (text) => {
    expect(() => [...parseControl(text, "the index")]).toThrow("cannot read the index: line ");
  },
);
