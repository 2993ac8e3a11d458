/** Protects: every test is run by some group, and the name of a file is enough to know by which. */
import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { testFiles } from "./run-group.ts";
import { groupNames, groupsOf, suffixes, testGroups } from "./test-groups.ts";

const repository = join(import.meta.dir, "../..");

test.each([
  ["lib/clock.test.ts", ["unit"]],
  ["test/real/host/proxy.test.ts", ["unit"]],
  ["vm/registry.slow.test.ts", ["slow"]],
  ["host/update/update.fuzz.slow.test.ts", ["slow"]],
  ["test/real/vm/boot.test.ts", ["vm"]],
  ["test/real/vm/nodes.long.test.ts", ["long"]],
  ["test/real/conformance/kubelet-config.long.test.ts", ["long"]],
  ["test/real/tours/readme.long.test.ts", ["tours", "long"]],
] as const)("%s is in %p", (file, groups) => {
  expect(groupsOf(file)).toEqual([...groups]);
});

test.each([
  "lib/clock.vm.test.ts",
  "lib/clock.slow.fuzz.test.ts",
  "lib/clock.spec.ts",
  "lib/Clock.test.ts",
  "a_test.ts",
])("%s is no name of a test", (file) => {
  expect(groupsOf(file)).toBeUndefined();
});

test("every file of tests is in a group, and every group has some", () => {
  const files = testFiles();
  expect(files.filter((file) => groupsOf(file) === undefined)).toEqual([]);
  expect(groupNames.filter((name) => !files.some((file) => groupsOf(file)?.includes(name)))).toEqual([]);
  expect(files.length).toBeGreaterThan(200);
});

test("what is called a fuzz test makes its inputs up", async () => {
  const fuzzed = testFiles().filter((file) => file.includes(".fuzz."));
  expect(fuzzed.length).toBeGreaterThan(0);
  for (const file of fuzzed) expect(await readFile(join(repository, file), "utf8")).toContain('from "fast-check"');
});

test("test/README.md has each suffix and each group as they are declared", async () => {
  const readme = await readFile(join(repository, "test/README.md"), "utf8");
  for (const [suffix, meaning] of Object.entries(suffixes)) expect(readme).toContain(`- \`${suffix}\`: ${meaning}\n`);
  for (const name of groupNames) expect(readme).toContain(`- \`${name}\`: ${testGroups[name].about}\n`);
});
