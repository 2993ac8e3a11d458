import { expect, test } from "bun:test";
import { readFile, realpath } from "node:fs/promises";
import { elfNeeds, isElf } from "./elf.ts";

test("a dynamic program names its loader and the C library", async () => {
  const program = await readFile(await realpath(process.execPath));
  const { loader, libraries } = elfNeeds(program, "bun");
  expect(loader).toMatch(/^\/lib.*\/ld-linux.*\.so\.[0-9]$/);
  expect(libraries).toContain("libc.so.6");
});

test("a text is no ELF file", () => {
  const text = Buffer.from("#!/bin/execlineb -P\n".padEnd(100));
  expect(isElf(text)).toBe(false);
  expect(() => elfNeeds(text, "init")).toThrow("cannot read init: it is no 64-bit little-endian ELF file");
});

test("a program that is cut off is refused", async () => {
  const program = (await readFile(await realpath(process.execPath))).subarray(0, 80);
  expect(() => elfNeeds(program, "bun")).toThrow("cannot read bun: it is cut off");
});
