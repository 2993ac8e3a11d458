/** Every recipe, by name. */
import { Failure } from "../../lib/failure.ts";
import { awsIamAuthenticator } from "./aws.ts";
import { containerd, containerd17 } from "./containerd.ts";
import { helm } from "./helm.ts";
import { kubeBench } from "./kube-bench.ts";
import { kubernetes120 } from "./kubernetes-1.20.ts";
import { kubernetesModules } from "./kubernetes.ts";
import { nvidiaContainerToolkit } from "./nvidia.ts";
import type { Recipe } from "./recipe.ts";
import { runc } from "./runc.ts";

const all: readonly Recipe[] = [
  containerd,
  containerd17,
  kubernetes120,
  ...kubernetesModules,
  awsIamAuthenticator,
  helm,
  kubeBench,
  nvidiaContainerToolkit,
  runc,
];

export const recipes: ReadonlyMap<string, Recipe> = new Map(all.map((recipe) => [recipe.name, recipe]));

/** @throws {Failure<"no-such-recipe">} */
export function recipeNamed(name: string): Recipe {
  const recipe = recipes.get(name);
  if (recipe !== undefined) return recipe;
  throw new Failure("no-such-recipe", `cannot find recipe ${JSON.stringify(name)}`, {
    hint: `choose one of ${[...recipes.keys()].join(", ")}`,
  });
}
