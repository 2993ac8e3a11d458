/** Each piece of advice is seen; one without a case here fails the last test. */
import { expect, test } from "bun:test";
import { modelNamed } from "../test/models.ts";
import { advice } from "./advice.ts";
import { checkDocument } from "./check.ts";

type Case = { rule: string; variant: string; document: string; says: string[] };

const misspelt = Buffer.from(
  JSON.stringify({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "a" },
    spec: { containers: [{ name: "a", image: "a" }], hostnetwork: true },
  }),
).toString("base64");

const cases: Case[] = [
  {
    rule: "an enabled host container has an image",
    variant: "metal-k8s-1.35",
    document: "[settings.host-containers.admin]\nenabled = true\n[settings.host-containers.control]\nenabled = true\n",
    says: [
      "settings.host-containers.admin.source is not set, so the container does not run",
      "settings.host-containers.control.source is not set, so the container does not run",
    ],
  },
  {
    rule: "a static pod has only fields that kubelet knows",
    variant: "metal-k8s-1.35",
    document: `[settings.kubernetes.static-pods.a]\nmanifest = "${misspelt}"\n`,
    says: [
      "settings.kubernetes.static-pods.a.manifest has what kubelet leaves out: line 1, column 119: spec.hostnetwork is no field of Kubernetes 1.35; did you mean hostNetwork?",
    ],
  },
];

test.each(cases)("$rule: $says.0", ({ variant, document, says }) => {
  const report = checkDocument(document, modelNamed(variant));
  expect(report).toMatchObject({ valid: true, problems: [] });
  expect(report.warnings.map(({ message }) => message)).toEqual(says);
  expect(report.warnings.every(({ line, column }) => line !== undefined && column !== undefined)).toBe(true);
});

test("where the variant has an image for it, there is nothing to say", () => {
  const document = "[settings.host-containers.admin]\nenabled = true\n";
  expect(checkDocument(document, modelNamed("dev")).warnings).toEqual([]);
});

test("every piece of advice has a case above", () => {
  expect([...new Set(cases.map(({ rule }) => rule))].toSorted()).toEqual(advice.map(({ name }) => name).toSorted());
});
