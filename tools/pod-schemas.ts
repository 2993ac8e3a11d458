/**
 * The types of a Pod of every minor, out of the sources that the recipes pin.
 *
 * They are not among `generated.ts`: a source is some 30 MB, and its types change only with its recipe. What they are
 * made from is held by `tools/pod-schemas.test.ts`, that they are made from it by `test/real/conformance/`.
 */
import { join } from "node:path";
import { recipeNamed } from "../image/recipes/all.ts";
import type { GoRecipe } from "../image/recipes/recipe.ts";
import { cacheDirectory } from "../image/packages/cache.ts";
import { download } from "../image/packages/download.ts";
import { mirrorOfMachine } from "../image/packages/debian/mirror.ts";
import { Failure } from "../lib/failure.ts";
import { readTextIfPresent } from "../lib/files/files.ts";
import { run } from "../lib/program/process.ts";
import { kubernetesMinors } from "../variants/kubernetes.ts";
import { podSchema } from "./pod-schema.ts";

const description = "api/openapi-spec/swagger.json";

/** Content by path. */
export const podSchemas: Readonly<Record<string, () => Promise<string>>> = Object.fromEntries(
  kubernetesMinors.map((minor) => [
    `settings/static-pods/schema/pod-${minor}.ts`,
    async () => {
      const recipe = recipeNamed(`kubernetes-${minor}`);
      if (recipe.kind !== "go") throw new Error(`${recipe.name} has no source`);
      return podSchema(recipe.version, minor, await fileOfSource(recipe, description));
    },
  ]),
);

/** A file of the source that a recipe compiles. */
async function fileOfSource(recipe: GoRecipe, path: string): Promise<string> {
  const { source } = recipe;
  const cache = cacheDirectory();
  if (source.kind === "go-modules") {
    const module = join(cache, "go/modules", `${recipe.importPath}@v${recipe.version}`);
    const text = await readTextIfPresent(join(module, path));
    if (text !== undefined) return text;
    throw new Failure("no-go-modules", `cannot read ${path} of ${recipe.name}: its modules are not in ${cache}`, {
      hint: `run \`./orlop build --program ${recipe.name}/kubelet\` first`,
    });
  }
  const mirror = await mirrorOfMachine();
  const url = `${mirror[source.archive]}/${source.path.split("/").map(encodeURIComponent).join("/")}`;
  const files = await download([{ url, sha256: source.sha256, bytes: source.bytes }], {
    cache,
    label: "downloading source",
  });
  const archive = `--file=${files.get(source.sha256) ?? ""}`;
  const argv = ["tar", "--extract", archive, "--to-stdout", "--wildcards", `*/${path}`] as const;
  return (await run(argv)).stdout;
}
