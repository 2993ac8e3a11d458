import { expect, test } from "bun:test";
import { emptyAddon } from "../../test/worlds/update/efi-program.ts";
import { makeAddon, wordsOfAddon } from "./boot-addon.ts";

test("words come back out of an addon", () => {
  for (const words of ["", "quiet", 'console=tty0 note="two words"', "x".repeat(2000)]) {
    expect(wordsOfAddon(makeAddon(emptyAddon(), words))).toBe(words);
  }
});

test("what is no addon has no words", () => {
  expect(wordsOfAddon(emptyAddon())).toBeUndefined();
  expect(wordsOfAddon(Buffer.from("MZ"))).toBeUndefined();
  expect(wordsOfAddon(Buffer.alloc(4096))).toBeUndefined();
  const addon = makeAddon(emptyAddon(), "quiet");
  for (let length = 0; length < addon.length; length += 7) {
    expect([undefined, "", "q", "qu", "qui", "quie", "quiet"]).toContain(wordsOfAddon(addon.subarray(0, length)));
  }
});

test("a stub without room for another section, or with one already, is refused", () => {
  expect(() => makeAddon(emptyAddon(0x180), "quiet")).toThrow("has no room for a section");
  expect(() => makeAddon(makeAddon(emptyAddon(), "quiet"), "again")).toThrow("or has .cmdline");
  expect(() => makeAddon(Buffer.from("no program at all"), "quiet")).toThrow("it is no 64-bit EFI program");
});
