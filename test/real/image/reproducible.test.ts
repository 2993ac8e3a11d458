/**
 * The promise that the same commit, lock and key give the same bytes: builds an image twice, with no step kept between
 * the two, in two directories and at two times. Takes some minutes.
 *
 * Programs of recipes are compiled once for both: every build holds them to the hashes that are committed, and
 * `image/recipes/programs.long.test.ts` compiles them with nothing kept.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdir, mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compileContainerPrograms, compileHost } from "../../../programs/compile.ts";
import { containerExecutable, containerNames } from "../../../programs/containers/names.ts";
import { executable, names } from "../../../host/names.ts";
import { buildImage } from "../../../image/build.ts";
import type { ImageManifest } from "../../../image/manifest.ts";
import { buildContainer } from "../../../image/oci/container-image.ts";
import { cacheDirectory, sha256OfFile } from "../../../image/packages/cache.ts";
import { makeProgram } from "../../../image/recipes/programs.ts";
import { variantNamed } from "../../../variants/all.ts";
import { basePrograms } from "../../../variants/variant.ts";

const minutesMs = 60_000;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "orlop-reproducible-"));
  for (const name of Object.values(basePrograms)) await makeProgram(name, { architecture: "x86_64" });
}, 20 * minutesMs);
afterAll(() => rm(folder, { recursive: true, force: true }), minutesMs);

/** A cache with the user's downloads, tools and programs of recipes, which are checked by hash, and no other step. */
async function emptySteps(name: string): Promise<string> {
  const cache = join(folder, name, "cache");
  await mkdir(join(cache, "steps"), { recursive: true });
  for (const shared of ["content", "tools"]) {
    await mkdir(join(cacheDirectory(), shared), { recursive: true });
    await symlink(join(cacheDirectory(), shared), join(cache, shared));
  }
  const steps = (await readdir(join(cacheDirectory(), "steps"))).filter((step) => /^(program|libraries)-/.test(step));
  for (const step of steps) await symlink(join(cacheDirectory(), "steps", step), join(cache, "steps", step));
  return cache;
}

async function build(name: string): Promise<ImageManifest> {
  const hostBinary = join(folder, name, executable);
  const cache = await emptySteps(name);
  await compileHost("x86_64", hostBinary);
  const { manifest } = await buildImage(variantNamed("metal-dev"), "x86_64", {
    version: "1.2.3",
    commit: "0123abcd",
    hostBinary,
    hostNames: { executable, links: names },
    output: join(folder, name, "a directory with another name", name),
    fetch: { cache },
    keys: join(folder, "keys"),
  });
  return manifest;
}

test(
  "two builds from the same inputs give the same bytes",
  async () => {
    const first = await build("one");
    const umask = process.umask(0o077);
    const second = await build("two").finally(() => process.umask(umask));
    expect(second).toEqual(first);
    expect(first.disk.bytes).toBeGreaterThan(1024 ** 3);
  },
  20 * minutesMs,
);

async function buildControl(name: string): Promise<{ digest: string; archive: string }> {
  const file = join(folder, name, containerExecutable);
  const cache = await emptySteps(name);
  await compileContainerPrograms("x86_64", file);
  const programs = { file, names: containerNames.control };
  const built = await buildContainer("control", "x86_64", {
    version: "1.2.3",
    commit: "0123abcd",
    programs,
    fetch: { cache },
  });
  return { digest: built.digest, archive: await sha256OfFile(built.archive) };
}

test(
  "two builds of a host container give the same bytes",
  async () => {
    const first = await buildControl("container one");
    const umask = process.umask(0o077);
    const second = await buildControl("container two").finally(() => process.umask(umask));
    expect(second).toEqual(first);
    expect(first.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
  },
  5 * minutesMs,
);
