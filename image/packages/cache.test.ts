import { expect, test } from "bun:test";
import { mkdir, mkdtemp, readdir, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { cacheDirectory, contentPath, isIntact, markUsed, pruneCache, sha256OfFile } from "./cache.ts";

const dayMs = 24 * 60 * 60 * 1000;

test("what has not been used for long goes, results of steps first, and what was used stays", async () => {
  const cache = await mkdtemp(join(tmpdir(), "cache-"));
  const pruneIn = async (days: number): Promise<void> => await pruneCache(cache, new Date(Date.now() + days * dayMs));
  try {
    const content = contentPath(cache, "aa01");
    await mkdir(dirname(content), { recursive: true });
    await writeFile(content, "");
    await writeFile(`${content}.00ff.partial`, "");
    const long = new Date(0); // as unpacking leaves it
    for (const name of ["tools/root", "steps/root-aws-k8s-1.35-x86_64-00", "steps/.half-made-00ff.new"]) {
      await mkdir(join(cache, name, "usr"), { recursive: true });
      await utimes(join(cache, name), long, long);
    }
    const kept = async (): Promise<string[]> =>
      (
        await Promise.all(["content/aa", "tools", "steps"].map(async (name) => await readdir(join(cache, name))))
      ).flat();
    await pruneIn(29);
    expect(await kept()).toHaveLength(5);
    await pruneIn(31);
    expect((await kept()).toSorted()).toEqual(["aa01", "aa01.00ff.partial", "root"]);
    await pruneIn(61);
    expect(await kept()).toEqual([]);
  } finally {
    await rm(cache, { recursive: true });
  }
});

test("what is used is kept as if it had been made then", async () => {
  const cache = await mkdtemp(join(tmpdir(), "cache-"));
  try {
    for (const name of ["used", "unused"]) await mkdir(join(cache, "steps", name), { recursive: true });
    const usedMs = async (name: string): Promise<number> => (await stat(join(cache, "steps", name))).ctimeMs;
    await Bun.sleep(50); // file systems count time in ticks of the kernel
    await markUsed(join(cache, "steps/used"));
    const between = ((await usedMs("used")) + (await usedMs("unused"))) / 2;
    await pruneCache(cache, new Date(between + 30 * dayMs));
    expect(await readdir(join(cache, "steps"))).toEqual(["used"]);
  } finally {
    await rm(cache, { recursive: true });
  }
});

test("a cache that does not exist has nothing to prune", async () => {
  await pruneCache(join(tmpdir(), "no-such-cache"), new Date());
});

test("a file is intact only with the right length and hash", async () => {
  const path = join(await mkdtemp(join(tmpdir(), "cache-")), "file");
  await writeFile(path, "abc");
  const sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"; // FIPS 180-4, "abc"
  expect(await sha256OfFile(path)).toBe(sha256);
  expect(await isIntact(path, { sha256, bytes: 3 })).toBe(true);
  expect(await isIntact(path, { sha256, bytes: 4 })).toBe(false);
  expect(await isIntact(path, { sha256: "0".repeat(64), bytes: 3 })).toBe(false);
  expect(await isIntact(`${path}.none`, { sha256, bytes: 3 })).toBe(false);
  await rm(dirname(path), { recursive: true });
});

test("the cache is where the person says, else in the home directory", () => {
  const before = process.env["ORLOP_CACHE"];
  try {
    process.env["ORLOP_CACHE"] = "/somewhere/else/";
    expect(cacheDirectory()).toBe("/somewhere/else");
    process.env["ORLOP_CACHE"] = "";
    expect(cacheDirectory()).toEndWith("/.cache/orlop");
  } finally {
    if (before === undefined) delete process.env["ORLOP_CACHE"];
    else process.env["ORLOP_CACHE"] = before;
  }
});
