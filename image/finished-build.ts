/** A build that is done: its list of artefacts, and the files beside it. */
import type { Stats } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { z } from "zod";
import { Failure, isNotFound } from "../lib/failure.ts";
import { parseJson } from "../lib/text/json.ts";
import { type Artefact, type ImageManifest, manifestSchema } from "./manifest.ts";
import { sha256OfFile } from "./packages/cache.ts";
import { imageName } from "./root/os-release.ts";

export type FinishedBuild = {
  manifest: ImageManifest;
  /** The list's own file. */
  manifestPath: string;
  /** What its files are called before their suffix: "orlop-dev-x86_64-0.1.0-dafe3b16". */
  name: string;
};

/**
 * @param path the list of artefacts, or the directory of a single build
 * @throws {Failure<"no-such-file" | "no-single-build" | "bad-manifest">}
 */
export async function readBuild(path: string): Promise<FinishedBuild> {
  // Programs of the tools root have a working directory of their own.
  const manifestPath = resolve(await manifestIn(path));
  const manifest = await readManifest(manifestPath);
  const { variant, architecture, version, commit } = manifest;
  return { manifest, manifestPath, name: imageName({ variant: { name: variant }, architecture, version, commit }) };
}

/**
 * Where an artefact lies.
 *
 * @throws {Failure<"no-such-file">}
 * @throws {Failure<"not-as-built">} when its content is not that of the list
 */
export async function artefactOf({ manifestPath }: FinishedBuild, { name, sha256 }: Artefact): Promise<string> {
  const path = join(dirname(manifestPath), name);
  await statOf(path);
  if ((await sha256OfFile(path)) === sha256) return path;
  throw new Failure("not-as-built", `cannot publish ${path}: it is not what ${manifestPath} says was built`);
}

async function manifestIn(path: string): Promise<string> {
  if (!(await statOf(path)).isDirectory()) return path;
  const lists = (await readdir(path)).filter((name) => /^orlop-.*(?<!\.spdx|-amis)\.json$/.test(name));
  const [only, ...rest] = lists.toSorted();
  if (only !== undefined && rest.length === 0) return join(path, only);
  throw new Failure("no-single-build", `cannot publish ${path}: it holds ${lists.length} builds`, {
    hint: lists.length === 0 ? "build an image into it" : `name one of ${lists.join(", ")}`,
  });
}

async function statOf(path: string): Promise<Stats> {
  try {
    return await stat(path);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    throw new Failure("no-such-file", `cannot publish ${path}: it does not exist`);
  }
}

async function readManifest(path: string): Promise<ImageManifest> {
  const unreadable = `cannot publish ${path}: it is no list of a build's artefacts`;
  const text = await readFile(path, "utf8");
  const parsed = manifestSchema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  throw new Failure("bad-manifest", `${unreadable}: ${z.prettifyError(parsed.error).replaceAll("\n", " ")}`);
}
