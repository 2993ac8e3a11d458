/**
 * Compiles a program of a recipe: the source by its hash, Debian's Go in a root of its own, no network while it
 * compiles. What Go has compiled before stays in the builder's cache, so the second program of a source is quick.
 */
import { deferred } from "../../lib/deferred.ts";
import { defined } from "../../lib/defined.ts";
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, posix } from "node:path";
import { assert, Failure } from "../../lib/failure.ts";
import { run } from "../../lib/program/process.ts";
import { progress, say } from "../../lib/progress.ts";
import type { Architecture } from "../../variants/variant.ts";
import { download } from "../packages/download.ts";
import { mirrorAt, mirrorOfMachine } from "../packages/debian/mirror.ts";
import { runTool, type ToolOptions, type ToolsRoot } from "../packages/tools-root.ts";
import { type GoDirectories, goEnvironment, goProgram, moduleProxy } from "./go-environment.ts";
import type { DebianSource, GeneratedSource, GoModules, GoRecipe, SourceEdit } from "./recipe.ts";

export type GoBuild = {
  /** With Go in it (the lock's set "go"), and for a program with C the compilers (the set "c"). */
  go: ToolsRoot;
  /** What such a program is linked with: a root of the target's architecture, and what stands for its packages. */
  libraries?: { directory: string; key: string };
  architecture: Architecture;
  cache: string;
  mirror?: string;
  signal?: AbortSignal;
};

/** A source where Go finds it. */
type Tree = {
  directory: string;
  environment: Record<string, string>;
  binds: readonly string[];
  /** The compiler's own files, which are large, and /tmp is memory. */
  temporary: string;
};

/** Makes `directory/<program>`. */
export async function goBuild(directory: string, recipe: GoRecipe, program: string, build: GoBuild): Promise<void> {
  const packagePath = recipe.programs[program];
  if (packagePath === undefined) {
    throw new Failure("no-such-program", `cannot compile ${program}: ${recipe.name} has no such program`, {
      hint: `choose one of ${Object.keys(recipe.programs).join(", ")}`,
    });
  }
  const go = goDirectories(build);
  for (const path of [go.build, go.modules]) await mkdir(path, { recursive: true });
  const tree = join(directory, "source");
  for (const path of [tree, temporaryOf(tree)]) await mkdir(path);
  await using _removal = deferred(async () => {
    for (const path of [tree, temporaryOf(tree)]) await rm(path, { recursive: true, force: true });
  });
  const source = await open(tree, recipe, go, build);
  const generated = recipe.generate?.[program];
  if (generated !== undefined) await generate(source, recipe, generated, go, build);
  say(`compiling ${program} ${recipe.version} for ${build.architecture}; this takes minutes when it is the first`);
  await compile(join(directory, program), posix.join(recipe.importPath, packagePath), { source, recipe, go, build });
}

/** Where the compiler sees libraries: Go keeps the path with what it compiled, and does not look whether it changed. */
const librariesPlace = "/libraries";

/** For the same reason, what was compiled with other libraries lies elsewhere. */
function goDirectories({ cache, libraries }: GoBuild): GoDirectories {
  const build = libraries === undefined ? "build" : `build-${libraries.key}`;
  return { build: join(cache, "go", build), modules: join(cache, "go/modules") };
}

/** Beside the source: what a compiler that was killed leaves goes with the directory of the step. */
function temporaryOf(tree: string): string {
  return `${tree}-temporary`;
}

async function open(tree: string, recipe: GoRecipe, go: GoDirectories, build: GoBuild): Promise<Tree> {
  switch (recipe.source.kind) {
    case "debian-source":
      return await openDebianSource(tree, recipe.importPath, recipe.source, build);
    case "go-modules":
      return await openModules(tree, recipe, recipe.source, go, build);
  }
}

/** A tree from before modules, in the place that its import path names. */
async function openDebianSource(
  tree: string,
  importPath: string,
  { archive, path, sha256, bytes, edits = [] }: DebianSource,
  { cache, mirror: address, signal }: GoBuild,
): Promise<Tree> {
  const mirror = address === undefined ? await mirrorOfMachine() : mirrorAt(address);
  const url = `${mirror[archive]}/${path.split("/").map(encodeURIComponent).join("/")}`;
  const options = { cache, label: "downloading source", ...defined({ signal }) };
  const files = await download([{ url, sha256, bytes }], options);
  const directory = join(tree, "src", importPath);
  await mkdir(directory, { recursive: true });
  const into = [`--directory=${directory}`, "--strip-components=1", "--no-same-owner"] as const;
  await run(["tar", "--extract", `--file=${files.get(sha256) ?? ""}`, ...into], defined({ signal }));
  for (const edit of edits) await applyEdit(directory, edit);
  // Without version control and modules, Go reads exactly what lies here.
  const environment = { GOPATH: tree, GO111MODULE: "off", GOTOOLCHAIN: "local" };
  return { directory, binds: [], environment, temporary: temporaryOf(tree) };
}

async function applyEdit(directory: string, { file, from, to }: SourceEdit): Promise<void> {
  const path = join(directory, file);
  const [before, after, ...more] = (await readFile(path, "utf8")).split(from);
  assert(before !== undefined && after !== undefined && more.length === 0, `${file} does not have this once: ${from}`);
  await writeFile(path, `${before}${to}${after}`);
}

/** Downloads what `go.sum` names; from then on nothing is asked of anybody. */
async function openModules(
  tree: string,
  { name }: GoRecipe,
  { directory }: GoModules,
  go: GoDirectories,
  build: GoBuild,
): Promise<Tree> {
  for (const file of ["go.mod", "go.sum"]) await copyFile(join(directory, file), join(tree, file));
  const environment = { GO111MODULE: "on", GOFLAGS: "-mod=readonly", GOTOOLCHAIN: "auto" };
  const source: Tree = { directory: tree, environment, binds: [go.modules], temporary: temporaryOf(tree) };
  using bar = progress(`downloading the Go modules of ${name}`, 1, "things");
  try {
    await runGo(["mod", "download"], source, go, build, { online: true });
  } catch (cause) {
    build.signal?.throwIfAborted();
    throw new Failure("no-go-modules", `cannot download the Go modules of ${name}`, {
      cause,
      hint: "a proxy of Go modules must be reachable; GOPROXY names another one",
    });
  }
  bar.advance(1);
  return { ...source, environment: { ...environment, GOPROXY: "off", GONOSUMDB: "*" } };
}

async function generate(
  source: Tree,
  { importPath }: GoRecipe,
  { generator, arguments: argumentsFor, tag, within }: GeneratedSource,
  go: GoDirectories,
  build: GoBuild,
): Promise<void> {
  const packages: string[] = [];
  for (const folder of within) {
    for (const path of await packagesWith(tag, source.directory, folder)) packages.push(`${importPath}/${path}`);
  }
  say(`writing source with ${generator}`);
  // It runs here, whatever it writes source for.
  const here = { ...build, architecture: process.arch === "arm64" ? "aarch64" : "x86_64" } as const;
  await runGo(["run", `./${generator}`, ...argumentsFor(packages.toSorted())], source, go, here);
}

/** Directories below `folder` with a Go file that has a line with the tag. */
async function packagesWith(tag: string, root: string, folder: string): Promise<string[]> {
  const found = new Set<string>();
  for (const entry of await readdir(join(root, folder), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith(".go") || entry.name.endsWith("_test.go")) continue;
    const directory = entry.parentPath.slice(root.length + 1);
    if (found.has(directory)) continue;
    if ((await readFile(join(entry.parentPath, entry.name), "utf8")).includes(tag)) found.add(directory);
  }
  return [...found];
}

async function compile(
  output: string,
  packagePath: string,
  { source, recipe, go, build }: { source: Tree; recipe: GoRecipe; go: GoDirectories; build: GoBuild },
): Promise<void> {
  const variables = Object.entries(recipe.variables).map(([name, value]) => `-X ${name}=${value}`);
  // No paths, no build id, no symbols for debuggers: nothing of where and when it was compiled.
  const link = ["-s", "-w", "-buildid=", ...variables].join(" ");
  const tags = recipe.tags === undefined ? [] : [`-tags=${recipe.tags.join(",")}`];
  // As the authors of programs with C in them do it, and Debian: code whose place nobody can guess.
  const mode = recipe.cgo === undefined ? [] : ["-buildmode=pie"];
  const flags = ["-trimpath", "-buildvcs=false", ...mode, ...tags, `-ldflags=${link}`];
  const made = join(source.directory, ".made");
  await runGo(["build", ...flags, "-o", made, packagePath], source, go, build);
  await copyFile(made, output);
}

async function runGo(
  argv: readonly string[],
  source: Tree,
  go: GoDirectories,
  build: GoBuild,
  { online = false } = {},
): Promise<void> {
  const options: ToolOptions = {
    cwd: source.directory,
    binds: [build.cache, source.directory, source.temporary],
    offline: !online,
    env: {
      ...goEnvironment(build.architecture, go, build.libraries === undefined ? undefined : librariesPlace),
      ...source.environment,
      ...(online ? await moduleProxy() : {}),
      GOTMPDIR: source.temporary,
      SSL_CERT_DIR: "/etc/ssl/certs:/usr/share/ca-certificates/mozilla",
    },
  };
  await runTool(build.go, [goProgram, ...argv], {
    ...options,
    ...(online ? { readOnlyBinds: ["/etc/ssl/certs"] } : {}),
    ...(build.libraries === undefined ? {} : { readOnlyAt: { [librariesPlace]: build.libraries.directory } }),
    ...defined({ signal: build.signal }),
  });
}
