import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { sourcePattern } from "./layers.ts";
import { sharedTypeNames } from "./type-names.ts";

const repository = join(import.meta.dir, "..");

test("a type that others may import has a name of its own", async () => {
  const files = [...new Bun.Glob(sourcePattern).scanSync(repository)];
  // Generated code has the names of its protocol, each below a namespace of its own.
  const written = files.filter((file) => !file.endsWith("_pb.ts")).toSorted();
  const sources = new Map<string, string>();
  for (const file of written) sources.set(file, await readFile(join(repository, file), "utf8"));
  expect(sharedTypeNames(sources)).toEqual([]);
  expect(sources.size).toBeGreaterThan(500);
});

test("a name with two owners is seen, whatever kind of type they make of it", () => {
  const sources = new Map([
    ["lib/a.ts", "export type Step = 1;\ntype Local = 2;\n"],
    ["lib/b.ts", "export abstract class Step<T> {}\nexport type { Other } from './a.ts';\n"],
    ["lib/c.ts", "export interface Other {}\ntype Local = 3;\nexport const Step = 4;\n"],
  ]);
  expect(sharedTypeNames(sources)).toEqual(["Step: lib/a.ts, lib/b.ts"]);
});
