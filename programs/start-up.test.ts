/**
 * Protects: a program that is started often reads only what it needs for that. The modules of all settings, and what
 * updates are verified with, take an emulated processor some 0.3 s and 10 MiB.
 */
import { expect, test } from "bun:test";
import { join, normalize } from "node:path";

const repository = join(import.meta.dir, "..");
const transpiler = new Bun.Transpiler({ loader: "ts" });

/** Modules of ours that are there before the first line of `entry` runs, each with the one that imports it. */
async function importedBy(entry: string): Promise<Map<string, string>> {
  const imported = new Map([[entry, "the program itself"]]);
  for (const file of imported.keys()) {
    if (!file.endsWith(".ts")) continue;
    for (const { kind, path } of transpiler.scanImports(await Bun.file(join(repository, file)).text())) {
      if (kind !== "import-statement" || !path.startsWith(".")) continue;
      const module = normalize(join(file, "..", path));
      if (!imported.has(module)) imported.set(module, file);
    }
  }
  return imported;
}

const heavy = /^(?:settings\/groups\/group|settings\/document\/document|variants\/all|host\/update\/.*|repo\/.*)\.ts$/;

test.each(["host/commands/host-ctr.ts", "host/commands/apiclient.ts"])("%s imports nothing heavy", async (program) => {
  const imported = await importedBy(program);
  expect([...imported].filter(([module]) => heavy.test(module))).toEqual([]);
  // The walk went beyond its own file.
  expect(imported.size).toBeGreaterThan(30);
});

test("what is heavy is seen where it is imported", async () => {
  const imported = await importedBy("host/daemon/main.ts");
  for (const module of ["settings/groups/group.ts", "variants/all.ts", "repo/manifest.ts"]) {
    expect(imported.has(module), module).toBe(true);
  }
});
