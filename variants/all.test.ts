import { expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { baseGroupNames, groups } from "../settings/groups/group.ts";
import { modelFor } from "../settings/model/model.ts";
import { variantNamed, variants } from "./all.ts";
import { awsK8s } from "./aws-k8s.ts";

/** What several variants have in common; every other file here is a variant or a family of them. */
const shared = ["all", "aws", "codes", "defaults", "kubernetes", "variant", "variant-file", "variant-record"];

test("every file here that is a variant or a family is in the table", async () => {
  const files = (await readdir(import.meta.dir))
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
    .map((name) => name.slice(0, -3));
  const names = [...variants.keys()];
  for (const file of files.filter((name) => !shared.includes(name))) {
    expect(
      names.some((name) => name === file || name.startsWith(`${file}-1.`)),
      `${file}.ts is in the table`,
    ).toBe(true);
  }
  for (const name of names) expect(files).toContain(name.replace(/-nvidia$/, "").replace(/-1\.\d+$/, ""));
});

test("the first issue's variants are there", () => {
  expect([...variants.keys()]).toEqual([
    "dev",
    "metal-dev",
    "aws-dev",
    "aws-ecs-1",
    "aws-k8s-1.20",
    "metal-k8s-1.20",
    "vmware-k8s-1.20",
    ...["1.34", "1.35", "1.37"].flatMap((minor) => [`aws-k8s-${minor}`, `metal-k8s-${minor}`, `vmware-k8s-${minor}`]),
    "aws-ecs-1-nvidia",
    ...["1.34", "1.35", "1.37"].flatMap((minor) => [`aws-k8s-${minor}-nvidia`, `metal-k8s-${minor}-nvidia`]),
  ]);
});

test.each([...variants.values()])("$name is consistent", (variant) => {
  expect(variants.get(variant.name)).toBe(variant);
  expect(variant.summary).not.toMatch(/\.$/);
  for (const group of baseGroupNames) expect(variant.groups).toContain(group);
  expect(new Set(variant.groups).size).toBe(variant.groups.length);
  for (const group of variant.groups) expect(Object.keys(groups)).toContain(group);
  expect(variant.groups.includes("kubernetes")).toBe(variant.orchestrator.kind === "kubernetes");
  expect(variant.groups.includes("ecs")).toBe(variant.orchestrator.kind === "ecs");
  // Hybrid nodes of Amazon EKS run anywhere.
  expect(variant.groups.includes("aws")).toBe(variant.platform === "aws" || variant.orchestrator.kind === "kubernetes");
  expect(new Set(variant.packages).size).toBe(variant.packages.length);
  // The first place has the lowest priority: an image's own defaults.
  expect(variant.userData[0]).toBe("local-file");
});

test("only dev variants can be looked into, and only those and hosts of drivers have a relaxed kernel", () => {
  for (const { name, interactive, defaults } of variants.values()) {
    const isDev = name.endsWith("dev");
    expect(defaults.kernel?.lockdown).toBe(isDev || name.endsWith("-nvidia") ? "none" : undefined);
    if (!isDev) expect(interactive).toBe(false);
  }
  expect(variantNamed("metal-dev").packages).toEqual([]);
});

test("defaults follow the minor of Kubernetes", () => {
  const kubernetes = (minor: `1.${number}`) => modelFor(awsK8s(minor)).complete({}).kubernetes;
  expect(kubernetes("1.20")).toMatchObject({ "cloud-provider": "aws", "authentication-mode": "aws" });
  expect(kubernetes("1.27")).toMatchObject({ "cloud-provider": "external" });
  expect(kubernetes("1.20")?.["seccomp-default"]).toBeUndefined();
  expect(kubernetes("1.33")).toMatchObject({
    "seccomp-default": true,
    "device-ownership-from-security-context": true,
  });
  expect(modelFor(variantNamed("vmware-k8s-1.20")).complete({}).kubernetes).toMatchObject({
    "server-tls-bootstrap": false,
    "authentication-mode": "tls",
    "cloud-provider": "external",
  });
});

test("a flavour is its variant with more, and nothing else of it differs", () => {
  for (const { name, ...flavoured } of variants.values()) {
    if (!name.endsWith("-nvidia")) continue;
    const base = variantNamed(name.slice(0, -"-nvidia".length));
    const { name: _name, summary, groups, programs, defaults, ...same } = base;
    expect(flavoured).toMatchObject({ ...same, summary: `${summary}, with GPUs of NVIDIA` });
    expect(flavoured.programs).toMatchObject(programs);
    expect(flavoured.groups.slice(0, groups.length)).toEqual([...groups]);
    expect(flavoured.defaults).toMatchObject({ ...defaults, kernel: { lockdown: "none" } });
  }
});

test.each([
  ["aws-k8s-1.21", "did you mean aws-k8s-1.20?"],
  ["def", "did you mean dev?"],
  ["windows", /^choose one of dev, metal-dev, /],
])("a variant called %s is refused with a hint", (name, hint) => {
  expect(() => variantNamed(name)).toThrow(
    expect.objectContaining({ code: "no-such-variant", hint: expect.stringMatching(hint) }),
  );
});
