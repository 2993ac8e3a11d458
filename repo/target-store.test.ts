import { expect, test } from "bun:test";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { realFiles } from "../lib/files/files.ts";
import { storedName, storeTargetBytes } from "./target-store.ts";

test("storing a target again mends the copy that is there", async () => {
  const directory = await mkdtemp(join(tmpdir(), "targets-"));
  try {
    const store = async () => storeTargetBytes(realFiles, directory, "app", Buffer.from("as published"));
    const stored = join(directory, storedName(await store()));
    await writeFile(stored, "as.published");
    await store();
    expect(await Bun.file(stored).text()).toBe("as published");
    expect(await readdir(directory)).toHaveLength(1);
  } finally {
    await rm(directory, { recursive: true });
  }
});
