/** Rules about several settings by example: each is seen failing and holding, and none goes without a case. */
import { expect, test } from "bun:test";
import { modelFor, type SettingsTree } from "../../settings/model/model.ts";
import type { Rule } from "../../settings/model/rule.ts";
import { variantNamed } from "../../variants/all.ts";
import { awsK8s } from "../../variants/aws-k8s.ts";
import { metalK8s } from "../../variants/metal-k8s.ts";

const variants = {
  metal: metalK8s("1.35"),
  old: metalK8s("1.20"),
  newest: metalK8s("1.37"),
  aws: awsK8s("1.35"),
  dev: variantNamed("dev"),
  /** Somebody's own, without the programs of recipes. */
  bare: { ...metalK8s("1.35"), name: "bare-k8s-1.35", programs: {} },
};

export type RuleCase = {
  rule: string;
  /** A node of Kubernetes 1.35 on metal unless it says so. */
  on?: keyof typeof variants;
  /** Settings of which only this rule says something, and what it says. */
  breaks: SettingsTree;
  messages: string[];
  /** Settings of which no rule says anything. */
  holds: SettingsTree;
};

export function testRules(rules: readonly Rule[], cases: readonly RuleCase[]): void {
  test.each(cases)("$rule: $messages.0", ({ rule, on = "metal", breaks, messages, holds }) => {
    const variant = variants[on];
    const model = modelFor(variant);
    for (const tree of [breaks, holds]) expect(model.parse(tree)).toMatchObject({ ok: true, value: tree });
    const actual = model.requirements(breaks).map(({ message }) => message);
    expect(actual.toSorted()).toEqual(messages.toSorted());
    expect(model.requirements(holds)).toEqual([]);
    const [own] = rules.filter(({ name }) => name === rule);
    expect([...(own?.check(model.complete(breaks), breaks, variant) ?? [])]).toHaveLength(messages.length);
  });

  test("every rule has a case above, and its own name", () => {
    expect([...new Set(cases.map(({ rule }) => rule))].toSorted()).toEqual(rules.map(({ name }) => name).toSorted());
  });
}
