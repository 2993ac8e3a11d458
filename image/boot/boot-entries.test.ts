import { expect, test } from "bun:test";
import { bootEntry, goodEntryPath, loaderConfiguration, unifiedImagePath } from "./boot-entries.ts";

test("the entry of a set points at the unified image of that set and has no options of its own", () => {
  const lines = bootEntry("b", { version: "1.2.3" }, 2).trim().split("\n");
  expect(lines).toContain(`efi ${unifiedImagePath("b")}`);
  expect(lines).toContain("title Orlop 1.2.3 (set B)");
  expect(lines).toContain("version 2");
  // With `options`, systemd-boot would pass a command line that nobody signed.
  expect(lines.some((line) => /^(?:options|linux|initrd)\b/.test(line))).toBe(false);
});

test("the first set is known good: its file has no counter", () => {
  expect(goodEntryPath("a")).toBe("/loader/entries/orlop-a.conf");
});

test("nobody at the console can choose or change what is started", () => {
  const settings = new Map(
    loaderConfiguration
      .trim()
      .split("\n")
      .map((line) => line.split(" ", 2) as [string, string]),
  );
  expect(settings.get("timeout")).toBe("0");
  expect(settings.get("editor")).toBe("no");
  expect(settings.get("auto-entries")).toBe("no");
});
