/** Each piece of advice is seen; one without a case here fails the last test. */
import { expect, test } from "bun:test";
import { modelNamed } from "../test/models.ts";
import { advice } from "./advice.ts";
import { checkDocument } from "./check.ts";

type Case = { rule: string; variant: string; document: string; says: string[] };

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
