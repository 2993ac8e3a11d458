import { expect, test } from "bun:test";
import { readTextIfPresent } from "../lib/files/files.ts";
import { join } from "node:path";
import { generated } from "./generated.ts";

test.each(Object.entries(generated))("%s is what the code says (./orlop generate)", async (path, make) => {
  expect(await readTextIfPresent(join(import.meta.dir, "..", path))).toBe(await make());
});
