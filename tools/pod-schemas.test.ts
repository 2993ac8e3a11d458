/** Protects: a new version of a recipe of Kubernetes comes with the types of its Pod. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { recipeNamed } from "../image/recipes/all.ts";
import { kubernetesMinors } from "../variants/kubernetes.ts";

test.each(kubernetesMinors)("the types of a Pod of %s are of the version that the recipe has", async (minor) => {
  const text = await Bun.file(join(import.meta.dir, `../settings/static-pods/schema/pod-${minor}.ts`)).text();
  expect(text).toStartWith(`/** A Pod of Kubernetes ${recipeNamed(`kubernetes-${minor}`).version}; made by`);
});
