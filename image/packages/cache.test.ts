import { expect, test } from "bun:test";
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { cacheDirectory, contentPath, isIntact, markUsed, pruneCache, sha256OfFile } from "./cache.ts";

const dayMs = 24 * 60 * 60 * 1000;

test("what has not been used for two months goes, what was used or is being made stays", async () => {
  const cache = await mkdtemp(join(tmpdir(), "cache-"));
  try {
    const now = new Date();
    const old = new Date(now.getTime() - 70 * dayMs);
    for (const name of ["aa01", "aa02", "bb03"]) {
      const path = contentPath(cache, name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, name);
      await utimes(path, old, old);
    }
    const ended = Bun.spawn(["true"]);
    await ended.exited;
    const beingMade = `x.${process.pid}-00ff.new`;
    for (const name of ["kept", "gone", beingMade, `x.${ended.pid}-00ff.new`]) {
      await mkdir(join(cache, "tools", name, "usr"), { recursive: true });
      await utimes(join(cache, "tools", name), old, old);
    }
    await markUsed(contentPath(cache, "aa02"));
    await markUsed(join(cache, "tools/kept"));
    await pruneCache(cache, now);
    expect(await readdir(join(cache, "content/aa"))).toEqual(["aa02"]);
    expect(await readdir(join(cache, "content/bb"))).toEqual([]);
    expect(new Set(await readdir(join(cache, "tools")))).toEqual(new Set(["kept", beingMade]));
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
