/** The module that a recipe's programs are compiled from, for what its authors have beside their source. */
import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Failure } from "../../lib/failure.ts";
import { cacheDirectory, workInCache } from "../packages/cache.ts";
import type { FetchOptions } from "../packages/fetch.ts";
import { machineArchitecture, openToolsRoot, runTool } from "../packages/tools-root.ts";
import { goEnvironment, goProgram, moduleProxy } from "./go-environment.ts";
import type { Recipe } from "./recipe.ts";

/**
 * Downloads it when it is not there, as `go.sum` has it.
 *
 * @returns a directory of the cache, to be read only
 * @throws {Failure<"no-go-modules">} for a recipe that is not made from modules
 */
export async function recipeModule(recipe: Recipe, fetch: FetchOptions = {}): Promise<string> {
  if (recipe.kind !== "go" || recipe.source.kind !== "go-modules") {
    throw new Failure("no-go-modules", `cannot open the module of ${recipe.name}: it is not made from modules`);
  }
  const cache = fetch.cache ?? cacheDirectory();
  const go = { build: join(cache, "go/build"), modules: join(cache, "go/modules") };
  for (const path of [go.build, go.modules]) await mkdir(path, { recursive: true });
  await using work = await workInCache(cache);
  for (const file of ["go.mod", "go.sum"]) await copyFile(join(recipe.source.directory, file), join(work.path, file));
  await runTool(await openToolsRoot({ ...fetch, sets: ["go"] }), [goProgram, "mod", "download", recipe.importPath], {
    cwd: work.path,
    binds: [cache, work.path],
    readOnlyBinds: ["/etc/ssl/certs"],
    env: {
      ...goEnvironment(machineArchitecture(), go),
      GO111MODULE: "on",
      GOFLAGS: "-mod=readonly",
      GOTOOLCHAIN: "auto",
      ...(await moduleProxy()),
      GOTMPDIR: work.path,
      SSL_CERT_DIR: "/etc/ssl/certs:/usr/share/ca-certificates/mozilla",
    },
  });
  return join(go.modules, `${recipe.importPath}@v${recipe.version}`);
}
