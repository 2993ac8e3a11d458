import { expect, test } from "bun:test";
import { onOneLine, printable } from "./printable.ts";

test("what steers a terminal is not printed, and lines stay lines", () => {
  expect(printable("a\tb\nc\r\n")).toBe("a\tb\nc \n");
  expect(printable("\u001b[31mred\u009b0m\u0007")).toBe(" [31mred 0m ");
});

test("what is one line stays one", () => {
  expect(onOneLine("done\n\u001b[2Kversion 99  forged\u2028more")).toBe("done [2Kversion 99  forged more");
});
