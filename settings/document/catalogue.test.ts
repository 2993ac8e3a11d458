/** Every declaration of every variant keeps what the settings page, help and JSON Schema promise about it. */
import { expect, test } from "bun:test";
import { everyVariant, modelNamed } from "../../test/worlds/host/models.ts";
import { groups } from "../groups/group.ts";
import type { SettingNode, Setting } from "../model/setting.ts";

type Declared = { key: string; setting: Setting };

function declarations(node: SettingNode, key: string): Declared[] {
  switch (node.kind) {
    case "setting":
      return [{ key, setting: node }];
    case "map":
      return declarations(node.entry, `${key}.<${node.placeholder}>`);
    case "table":
      return Object.entries(node.children).flatMap(([name, child]) => declarations(child, `${key}.${name}`));
  }
}

const all = Object.entries(groups).flatMap(([name, group]) => declarations(group, name));

test("no key is declared twice", () => {
  expect(new Set(all.map(({ key }) => key)).size).toBe(all.length);
});

test.each(all)("$key has a doc in sentences, and a default and example of its own type", ({ setting }) => {
  expect(setting.doc).toMatch(/^[\p{L}~-].*[^.]\.$/u);
  expect(setting.type.words).not.toMatch(/\.$/);
  const schema = setting.type.schema();
  if (setting.default !== undefined) {
    // Canonical, so that setting a default changes nothing.
    expect(schema.safeParse(setting.default)).toEqual({ success: true, data: setting.default });
  }
  if (setting.example !== undefined) {
    const once = schema.safeParse(setting.example);
    expect(once.success).toBe(true);
    expect(schema.safeParse(once.data)).toEqual(once);
  }
});

test.each(everyVariant)("the defaults of $name are settings of $name, in canonical form", (variant) => {
  const model = modelNamed(variant.name);
  const parsed = model.parse(model.defaults);
  expect(parsed).toMatchObject({ ok: true, warnings: [] });
  if (parsed.ok) expect(model.leaves(parsed.value)).toEqual(model.leaves(model.defaults));
  expect(model.requirements({})).toEqual([]);
});

test.each(everyVariant)("what $name is without any user data parses, and completes to itself", (variant) => {
  const model = modelNamed(variant.name);
  const complete = JSON.parse(JSON.stringify(model.complete({})));
  const parsed = model.parse(complete);
  expect(parsed.ok).toBe(true);
  if (parsed.ok) expect(model.complete(parsed.value)).toEqual(complete);
});

test("the catalogue says which variant's default it is and what names must be", () => {
  const dev = modelNamed("dev").catalogue;
  const nodes = modelNamed("aws-k8s-1.20").catalogue;
  const entry = (catalogue: typeof dev, key: string) => catalogue.find((candidate) => candidate.key === key);
  expect(entry(dev, "settings.kernel.lockdown")).toMatchObject({ default: "none", group: "kernel" });
  expect(entry(nodes, "settings.kernel.lockdown")).toMatchObject({ default: "integrity" });
  expect(entry(nodes, "settings.kubernetes.authentication-mode")).toMatchObject({ default: "aws" });
  expect(entry(nodes, "settings.kubernetes.node-labels.<label>")).toMatchObject({ names: [{ placeholder: "label" }] });
  expect(entry(dev, "settings.kubernetes.max-pods")).toBeUndefined();
  // Kubernetes 1.20 does not know it.
  expect(entry(nodes, "settings.kubernetes.seccomp-default")).toBeUndefined();
});
