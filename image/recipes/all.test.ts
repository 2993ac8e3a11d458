import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { variants } from "../../variants/all.ts";
import { basePrograms } from "../../variants/variant.ts";
import { recipeNamed, recipes } from "./all.ts";

import { join } from "node:path";
import { parseOutputs } from "./programs.ts";

test("every program that a variant names is one of a recipe", () => {
  for (const { name, programs } of variants.values()) {
    for (const program of Object.values({ ...basePrograms, ...programs })) {
      const [recipe = "", called = ""] = program.split("/");
      expect(Object.keys(recipeNamed(recipe).programs), `${name} has ${program}`).toContain(called);
    }
  }
});

test("modules are pinned: every requirement of a go.mod has its hash in go.sum, and the recipe's version is in it", async () => {
  for (const recipe of recipes.values()) {
    if (recipe.kind !== "go" || recipe.source.kind !== "go-modules") continue;
    const { directory } = recipe.source;
    const mod = await readFile(join(directory, "go.mod"), "utf8");
    const sum = await readFile(join(directory, "go.sum"), "utf8");
    expect(mod).toContain(`${recipe.importPath} v${recipe.version}`);
    expect(sum).toContain(`${recipe.importPath} v${recipe.version} h1:`);
  }
});

test("a recipe that there is none of is refused with those that there are", () => {
  expect(() => recipeNamed("kubernetes-1.19")).toThrow(
    expect.objectContaining({ code: "no-such-recipe", hint: expect.stringContaining("kubernetes-1.20") }),
  );
});

test("hashes are read as sha256sum writes them", () => {
  const sha256 = "0".repeat(64);
  expect([...parseOutputs(`${sha256}  kubelet\nnonsense\n`)]).toEqual([["kubelet", sha256]]);
});
