/** What must hold for rendered files whatever they say; the text itself is held by `tools/generated.test.ts`. */
import { describe, expect, test } from "bun:test";
import { configuration } from "../host/files/all.ts";
import { serviceManager } from "../host/files/config-file.ts";
import { variantNamed, variants } from "../variants/all.ts";
import { cases, rendered } from "./golden.ts";

describe.each(
  [...variants.values()].flatMap((variant) => cases.map((testCase) => ({ name: variant.name, testCase, variant }))),
)("$name with $testCase settings", ({ variant, testCase }) => {
  const files = rendered(variant, testCase);

  test("renders each path once, below /etc", () => {
    const paths = files.map(({ path }) => path);
    expect(new Set(paths).size).toBe(paths.length);
    for (const path of paths) expect(path).toStartWith("/etc/");
  });

  test("ends every line, and says nothing that is not there", () => {
    for (const file of files) {
      if (!("content" in file) || file.content === "") continue;
      expect(file.content).toEndWith("\n");
      expect(file.content).not.toMatch(/undefined|\[object|NaN/);
    }
  });

  test("keeps secrets from other users", () => {
    for (const file of files) {
      if ("content" in file && /pa.*word|correct|cHVsbGVy|token/.test(file.content)) expect(file.mode).toBe(0o600);
    }
  });
});

test("all-set settings make every file of every group", () => {
  // Of all variants, one has the most groups, and one the rest.
  const two = ["aws-k8s-1.35-nvidia", "aws-ecs-1"].map(variantNamed);
  const paths = new Set(two.flatMap((variant) => rendered(variant, "all-set").map(({ path }) => path)));
  for (const { name } of configuration) expect([...paths].some((path) => path.startsWith(name))).toBe(true);
});

test("drop-ins of units make the service manager read again", () => {
  for (const group of configuration) {
    if (group.name.startsWith("/etc/systemd/system/")) expect(group.reload).toContain(serviceManager);
  }
});
