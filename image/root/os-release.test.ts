import { expect, test } from "bun:test";
import { imageName, osRelease } from "./os-release.ts";

const identity = {
  variant: { name: "aws-k8s-1.20" },
  architecture: "x86_64",
  version: "0.1.0",
  commit: "dafe3b16",
} as const;

test("an image is named by variant, architecture, version and commit", () => {
  expect(imageName(identity)).toBe("orlop-aws-k8s-1.20-x86_64-0.1.0-dafe3b16");
});

test("os-release says what the image is, in the names of os-release(5)", () => {
  const fields = new Map(
    osRelease(identity)
      .trim()
      .split("\n")
      .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)] as const),
  );
  expect(fields.get("ID")).toBe("orlop");
  expect(fields.get("VARIANT_ID")).toBe("aws-k8s-1.20");
  expect(fields.get("VERSION_ID")).toBe("0.1.0");
  expect(fields.get("BUILD_ID")).toBe("dafe3b16");
  expect(fields.get("PRETTY_NAME")).toBe('"Orlop OS 0.1.0 (aws-k8s-1.20)"');
  expect(fields.get("ARCHITECTURE")).toBe("x86-64");
});
