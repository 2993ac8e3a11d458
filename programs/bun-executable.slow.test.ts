/** Protects: what programs are compiled onto is what bun.sum names, whatever somebody wrote into the cache. */
import { expect, test } from "bun:test";
import { appendFile, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { sealed, sealedBun } from "./bun-executable.ts";

test("an executable in the cache that was changed is not used", async () => {
  const cache = await mkdtemp(join(tmpdir(), "orlop-bun-"));
  const before = process.env["XDG_CACHE_HOME"];
  process.env["XDG_CACHE_HOME"] = cache;
  try {
    const wanted = sealed(await readFile(process.execPath));
    const path = await sealedBun("linux-x64");
    expect((await readFile(path)).equals(wanted)).toBe(true);
    await appendFile(path, "more");
    expect(await sealedBun("linux-x64")).toBe(path);
    expect((await readFile(path)).equals(wanted)).toBe(true);
    // The one that it is made from lies there under its own hash.
    const original = path.replace(/-sealed$/, "");
    await mkdir(dirname(original), { recursive: true });
    await copyFile(process.execPath, original);
    await writeFile(original, "something else");
    await sealedBun("linux-x64");
    expect((await readFile(path)).equals(wanted)).toBe(true);
  } finally {
    if (before === undefined) delete process.env["XDG_CACHE_HOME"];
    else process.env["XDG_CACHE_HOME"] = before;
    await rm(cache, { recursive: true });
  }
}, 120_000);
