import { expect, test } from "bun:test";
import { environmentFile } from "./environment-file.ts";

test("plain values stay as they are, others are quoted as systemd reads them", () => {
  expect(
    environmentFile([
      ["A", "http://proxy:3128"],
      ["B", 'two words "quoted" \\ $x `y`'],
      ["C", ""],
    ]),
  ).toBe('A=http://proxy:3128\nB="two words \\"quoted\\" \\\\ \\$x \\`y\\`"\nC=\n');
});

test("a value of several lines is a bug of ours: settings are checked before", () => {
  expect(() => environmentFile([["A", "x\nB=y"]])).toThrow("bug: A is a single line");
});
