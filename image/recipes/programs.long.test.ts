/**
 * The promise of recipes: with nothing kept from before, on whichever machine, the programs that every host has are those
 * whose hashes are committed.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { architectures, basePrograms } from "../../variants/variant.ts";
import { cacheDirectory } from "../packages/cache.ts";
import { makeProgram } from "./programs.ts";

const minutesMs = 60_000;
let cache: string;

beforeAll(async () => {
  cache = await mkdtemp(join(tmpdir(), "orlop-recipes-"));
  // Packages and what is unpacked of them; both are checked by hash.
  for (const shared of ["content", "tools"]) {
    await mkdir(join(cacheDirectory(), shared), { recursive: true });
    await symlink(join(cacheDirectory(), shared), join(cache, shared));
  }
});
afterAll(() => rm(cache, { recursive: true, force: true }), 5 * minutesMs);

for (const architecture of architectures) {
  for (const name of Object.values(basePrograms)) {
    test(
      `${name} for ${architecture} has the hash that is committed`,
      async () => {
        const { path } = await makeProgram(name, { architecture, fetch: { cache } });
        // It was compiled here and now: the cache had none.
        expect(path).toStartWith(cache);
      },
      30 * minutesMs,
    );
  }
}
