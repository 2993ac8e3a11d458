/** Protects: what is written to a log while something takes long says something new with each line. */
import { afterEach, expect, spyOn, test } from "bun:test";
import { progress } from "./progress.ts";

const minuteMs = 60_000;
const spies: { mockRestore(): void }[] = [];
afterEach(() => {
  for (const spy of spies.splice(0)) spy.mockRestore();
});

test("without a terminal, words that stay the same are written once", () => {
  let nowMs = 0;
  let written = "";
  const { isTTY } = process.stderr;
  process.stderr.isTTY = false;
  const write = spyOn(process.stderr, "write").mockImplementation((text) => {
    written += String(text);
    return true;
  });
  spies.push(write);
  try {
    using bar = progress("booting", undefined, "things", { elapsedMs: () => (nowMs += minuteMs) });
    for (const words of ["kernel", "kernel", "systemd", "kernel"]) bar.detail(words);
  } finally {
    process.stderr.isTTY = isTTY;
  }
  expect(written.split("\n").slice(0, -2)).toEqual([
    "booting",
    "booting  kernel",
    "booting  systemd",
    "booting  kernel",
  ]);
  expect(written).toMatch(/\nbooting  took .*\n$/);
});
