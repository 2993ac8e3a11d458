/** Protects: a new disk starts set A, by what was signed and nothing else. */
import { expect, test } from "bun:test";
import { firstEntry, firstKernelPath, loaderConfiguration } from "./loader-files.ts";

test("the first entry points at the unified image of set A and has no options of its own", () => {
  const lines = firstEntry("1.2.3").text.trim().split("\n");
  expect(lines).toContain(`efi ${firstKernelPath}`);
  expect(lines).toContain("title Orlop 1.2.3 (set A)");
  expect(lines).toContain("version 1");
  // With `options`, systemd-boot would pass a command line that nobody signed.
  expect(lines.some((line) => /^(?:options|linux|initrd)\b/.test(line))).toBe(false);
});

test("the first set is known good: its file has no counter", () => {
  expect(firstEntry("1.2.3").path).toBe("/loader/entries/orlop-a.conf");
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
