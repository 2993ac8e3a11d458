import { expect, test } from "bun:test";
import { nearest } from "./nearest.ts";

test.each([
  ["integrty", ["none", "integrity", "confidentiality"], "integrity"],
  ["cluster_name", ["cluster-name", "cluster-domain"], "cluster-name"],
  ["Lockdown", ["lockdown"], "lockdown"],
  ["setings", ["settings"], "settings"],
  ["kernel", ["network", "ntp"], undefined],
  ["", ["a", "bb"], undefined],
  ["x", ["a"], undefined],
  ["ec", ["dns", "ecs"], "ecs"],
  ["x", [], undefined],
])("for %j among %j a person meant %j", (word, candidates, meant) => {
  expect(nearest(word, candidates)).toBe(meant);
});

test("a very long word is no reason to think long", () => {
  expect(nearest("x".repeat(1_000_000), ["settings"])).toBeUndefined();
});
