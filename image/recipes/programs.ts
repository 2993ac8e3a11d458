/** Programs of recipes, kept by what they are made of, and checked against the hashes that are committed. */
import { createHash } from "node:crypto";
import { chmod, copyFile, mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Failure } from "../../lib/failure.ts";
import { readTextIfPresent, writeFileAtomic } from "../../lib/files/files.ts";
import { say } from "../../lib/progress.ts";
import type { Architecture } from "../../variants/variant.ts";
import { cacheDirectory, sha256OfFile } from "../packages/cache.ts";
import { download } from "../packages/download.ts";
import type { FetchOptions } from "../packages/fetch.ts";
import { packagesOf, readLock } from "../packages/lock.ts";
import { unpackPackages } from "../packages/unpack-packages.ts";
import { machineArchitecture, openToolsRoot } from "../packages/tools-root.ts";
import type { KeyedDirectory } from "../inputs.ts";
import { type Step, step } from "../step.ts";
import { recipeNamed } from "./all.ts";
import { goBuild, type GoBuild } from "./go-build.ts";
import type { GoRecipe, Recipe, ReleaseRecipe } from "./recipe.ts";

export type ProgramOptions = {
  architecture: Architecture;
  /** What to do when a program is not the one whose hash is committed: refuse, or write the hash. */
  outputs?: "check" | "write";
  fetch?: FetchOptions;
};

/** A program that is there. */
export type MadeProgram = { recipe: Recipe; program: string; path: string; sha256: string };

/** Makes a program of a recipe when it is not there yet. @param name "kubernetes-1.20/kubelet" */
export async function makeProgram(name: string, options: ProgramOptions): Promise<MadeProgram> {
  const [recipeName = "", program = ""] = name.split("/");
  const recipe = recipeNamed(recipeName);
  const { architecture, outputs = "check", fetch = {} } = options;
  const path =
    recipe.kind === "release"
      ? await takeRelease(recipe, program, architecture, fetch)
      : await compiledProgram(recipe, program, architecture, fetch);
  const sha256 = await sha256OfFile(path);
  await checkOutput({ recipe, program, path, sha256 }, architecture, outputs);
  return { recipe, program, path, sha256 };
}

async function compiledProgram(
  recipe: GoRecipe,
  program: string,
  architecture: Architecture,
  fetch: FetchOptions,
): Promise<string> {
  const libraries = recipe.cgo === undefined ? undefined : await makeLibraries({ architecture }, fetch);
  const { directory } = await compiled(recipe)({ program, architecture, libraries }, fetch);
  return join(directory, program);
}

type CompiledProgram = { program: string; architecture: Architecture; libraries: KeyedDirectory | undefined };

/** A recipe is code, which its description stands for among the inputs. */
const compiled = (recipe: GoRecipe): Step<CompiledProgram> =>
  step({
    name: ({ program, architecture }) => `program-${recipe.name}-${program}-${architecture}`,
    label: ({ program, architecture }) => `${program} ${recipe.version} for ${architecture}`,
    module: join(import.meta.dir, "go-build.ts"),
    inputs: async ({ program, architecture, libraries }: CompiledProgram) => ({
      recipe: await describe(recipe),
      program,
      architecture,
      go: packagesOf(await readLock(machineArchitecture()), compilersOf(recipe)).map(
        ({ name, sha256 }) => `${name} ${sha256}`,
      ),
      libraries,
    }),
    async make(directory, { program, architecture, libraries }, fetch) {
      const go = await openToolsRoot({ ...fetch, sets: compilersOf(recipe) });
      const build = { cache: cacheDirectory(), ...fetch, go, architecture };
      await goBuild(directory, recipe, program, { ...build, ...(await librariesIn(libraries, architecture)) });
    },
  });

/** What programs with C in them are linked with. */
const makeLibraries = step({
  name: ({ architecture }) => `libraries-${architecture}`,
  label: ({ architecture }) => `libraries for ${architecture}`,
  module: join(import.meta.dir, "../packages/unpack-packages.ts"),
  inputs: async ({ architecture }: { architecture: Architecture }) => ({
    packages: packagesOf(await readLock(architecture), ["c-libraries"]),
  }),
  async make(directory, { packages }, fetch) {
    await unpackPackages(packages, directory, { label: "unpacking libraries", exclude: [] }, fetch);
  },
});

/** Their key is that of their packages alone: what was compiled with them outlasts a change of our own code. */
async function librariesIn(
  made: KeyedDirectory | undefined,
  architecture: Architecture,
): Promise<Pick<GoBuild, "libraries">> {
  if (made === undefined) return {};
  const hash = createHash("sha256");
  for (const { sha256 } of packagesOf(await readLock(architecture), ["c-libraries"])) hash.update(`${sha256}\n`);
  return { libraries: { directory: made.directory, key: hash.digest("hex").slice(0, 20) } };
}

/** Sets of the lock. */
const compilersOf = ({ cgo }: GoRecipe): readonly string[] => (cgo === undefined ? ["go"] : ["go", "c"]);

/** All of a recipe that decides what comes out, its modules too. */
async function describe(recipe: GoRecipe): Promise<string> {
  const { source, importPath, programs, cgo, tags, variables, generate } = recipe;
  const sources =
    source.kind === "debian-source"
      ? source
      : [
          await readFile(join(source.directory, "go.mod"), "utf8"),
          await readFile(join(source.directory, "go.sum"), "utf8"),
        ];
  // What a generator is given is code of the recipe: its text stands for it.
  const generators = Object.values(generate ?? {}).map((each) => ({ ...each, arguments: String(each.arguments) }));
  return JSON.stringify([sources, importPath, programs, cgo ?? false, tags ?? [], variables, generators]);
}

async function takeRelease(
  { name, programs }: ReleaseRecipe,
  program: string,
  architecture: Architecture,
  fetch: FetchOptions,
): Promise<string> {
  const file = programs[program]?.[architecture];
  if (file === undefined) {
    throw new Failure("no-such-program", `cannot take ${program} from ${name}: there is none for ${architecture}`);
  }
  const files = await download([file], { cache: cacheDirectory(), ...fetch, label: `downloading ${program}` });
  return files.get(file.sha256) ?? "";
}

/** Lays a program into a root. */
export async function placeProgram(path: string, target: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  await copyFile(path, target);
  await chmod(target, 0o755);
}

/** Lines of "sha256  program", as `sha256sum --check` reads them. */
function outputsPath(recipe: Recipe, architecture: Architecture): string {
  return join(import.meta.dir, "outputs", `${recipe.name}-${architecture}.sha256`);
}

/**
 * Holds a program to the hash that is committed for it: the promise that the same inputs give the same bytes.
 *
 * @throws {Failure<"output-changed">}
 */
async function checkOutput(
  { recipe, program, sha256 }: MadeProgram,
  architecture: Architecture,
  mode: "check" | "write",
): Promise<void> {
  const path = outputsPath(recipe, architecture);
  const outputs = parseOutputs((await readTextIfPresent(path)) ?? "");
  const expected = outputs.get(program);
  if (expected === sha256) return;
  if (mode === "check") {
    const was = expected === undefined ? "there is no hash for it" : `its SHA-256 is ${sha256}, expected ${expected}`;
    throw new Failure("output-changed", `cannot accept ${program} of ${recipe.name} for ${architecture}: ${was}`, {
      hint: `after a change of the recipe or of Go, write the hash anew with --update-golden (${path})`,
    });
  }
  outputs.set(program, sha256);
  const lines = [...outputs].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([name, hash]) => `${hash}  ${name}\n`);
  await writeFileAtomic(path, lines.join(""));
  say(`wrote ${path}: ${program}`);
}

export function parseOutputs(text: string): Map<string, string> {
  return new Map(
    text.split("\n").flatMap((line) => {
      const [, sha256, name] = /^([0-9a-f]{64}) {2}(\S+)$/.exec(line) ?? [];
      return sha256 === undefined || name === undefined ? [] : [[name, sha256] as const];
    }),
  );
}
