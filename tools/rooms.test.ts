import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { sourcePattern } from "./layers.ts";
import { circles, crowdedFolders, importGraph, mostFiles } from "./rooms.ts";

const repository = join(import.meta.dir, "..");
const files = [...new Bun.Glob(sourcePattern).scanSync(repository)].toSorted();
const sources = new Map<string, string>();
for (const file of files) sources.set(file, await readFile(join(repository, file), "utf8"));

test("no folder has more files than a reader takes in", () => {
  expect(crowdedFolders(files)).toEqual([]);
});

test("no module imports itself over others, not even for a type", () => {
  expect(circles(importGraph(sources))).toEqual([]);
  expect(files.length).toBeGreaterThan(500);
});

test("ARCHITECTURE.md has every room", async () => {
  const map = await readFile(join(repository, "ARCHITECTURE.md"), "utf8");
  const rooms = [...new Set(files.flatMap((file) => /^[^/]+\/[^/]+\//.exec(file) ?? []))];
  expect(rooms.filter((room) => !map.includes(`\`${room}\``))).toEqual([]);
  expect(rooms.length).toBeGreaterThan(40);
});

test("a crowded folder and a circle are seen", () => {
  const names = Array.from({ length: mostFiles }, (_, at) => `lib/${at}.ts`);
  expect(crowdedFolders([...names, "lib/x.test.ts"])).toEqual([]);
  expect(crowdedFolders([...names, "lib/x.ts"])).toEqual(["lib: 16 files"]);
  const imports = (...modules: string[]): string => modules.map((name) => `import "./${name}.ts";`).join("\n");
  const graph = importGraph(
    new Map([
      ["lib/a.ts", imports("b", "c", "away")],
      ["lib/b.ts", 'export type { C } from "./c.ts";'],
      ["lib/c.ts", imports("d")],
      ["lib/d.ts", imports("b")],
    ]),
  );
  expect(circles(graph)).toEqual([["lib/b.ts", "lib/c.ts", "lib/d.ts"]]);
});
