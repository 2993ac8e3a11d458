import { expect, test } from "bun:test";
import { z } from "zod";
import { parseTomlDocument } from "./toml-document.ts";

const schema = z.strictObject({ disk: z.strictObject({ gib: z.int().positive() }), label: z.string().optional() });

test("a document is read into its schema", () => {
  expect(parseTomlDocument('label = "x"\ndisk.gib = 2\n', schema, "a.toml")).toEqual({ disk: { gib: 2 }, label: "x" });
});

test.each([
  ["a value of another kind", "[disk]\ngib = 0\n", /^cannot read a.toml: line 2, column 7: disk.gib: Too small/],
  [
    "a key that there is not",
    "[disk]\ngib = 1\nmib = 2\n",
    /^cannot read a.toml: line 3, column 1: disk.mib: there is no such key$/,
  ],
  ["what is no TOML", "[disk\n", /^cannot read a.toml: line 1, column \d+: /],
  ["a key that is missing", 'label = "x"\n', /^cannot read a.toml: line 1, column 1: disk: Invalid input/],
])("%s is refused with its place", (_case, text, message) => {
  expect(() => parseTomlDocument(text, schema, "a.toml")).toThrow(
    expect.objectContaining({ code: "bad-toml", message: expect.stringMatching(message) }),
  );
});
