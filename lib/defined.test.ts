import { expect, test } from "bun:test";
import { defined } from "./defined.ts";

type Options = { name: string; hint?: string; cause?: unknown };

test("what is undefined is no field, and every other value is kept", () => {
  const hint: string | undefined = Math.random() > 2 ? "never" : undefined;
  const options: Options = { cause: null, ...defined({ name: "", hint }) };
  expect(Object.entries(options)).toEqual([
    ["cause", null],
    ["name", ""],
  ]);
  expect("hint" in options).toBe(false);
});

test("falsy values stay", () => {
  expect(defined({ no: false, zero: 0, nothing: null, text: "", absent: undefined })).toStrictEqual({
    no: false,
    zero: 0,
    nothing: null,
    text: "",
  });
});
