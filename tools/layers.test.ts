import { expect, test } from "bun:test";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { parseJson } from "../lib/text/json.ts";
import { importsOf, layers, objection, sourcePattern } from "./layers.ts";

const repository = join(import.meta.dir, "..");
const files = [...new Bun.Glob(sourcePattern).scanSync(repository)].toSorted();
const read = async (file: string): Promise<string> => await readFile(join(repository, file), "utf8");

test("no file imports from a layer above its own", async () => {
  const objections: string[] = [];
  for (const file of files) {
    for (const module of importsOf(await read(file), file)) {
      const why = objection(file, module);
      if (why !== undefined) objections.push(why);
    }
  }
  expect(objections).toEqual([]);
  expect(files.length).toBeGreaterThan(50);
});

test("what is not only for development imports only the packages we depend on", async () => {
  const { dependencies } = z
    .object({ dependencies: z.record(z.string(), z.string()) })
    .parse(parseJson(await read("package.json")));
  const development = /^(cli|test|bench|tools)\/|\.test\.ts$/;
  const foreign: string[] = [];
  for (const file of files.filter((name) => !development.test(name))) {
    for (const module of importsOf(await read(file), file)) {
      if (/^(\.|node:|bun(:|$))/.test(module)) continue;
      const name = module.split("/", module.startsWith("@") ? 2 : 1).join("/");
      if (!(name in dependencies)) foreign.push(`${file} imports ${name}`);
    }
  }
  expect(foreign).toEqual([]);
});

test("a wrong import is seen, whether of a value, of a type, or at run time", () => {
  const source = `
    import { a } from "../host/system.ts";
    import type {
      B,
    } from "../image/step.ts";
    export type { C } from "../api/client.ts";
    import type D from "../lib/failure.ts";
    import { type E, type F as G } from "../repo/waves.ts";
    const e = await import("../vm/machine.ts");
    const h: typeof import("../variants/all.ts") = e;
    console.log(a, h);
  `;
  expect(importsOf(source).flatMap((module) => objection("settings/motd.ts", module) ?? [])).toEqual([
    "settings/motd.ts imports host/system.ts, but settings may import only lib",
    "settings/motd.ts imports vm/machine.ts, but settings may import only lib",
    "settings/motd.ts imports image/step.ts, but settings may import only lib",
    "settings/motd.ts imports api/client.ts, but settings may import only lib",
    "settings/motd.ts imports repo/waves.ts, but settings may import only lib",
    "settings/motd.ts imports variants/all.ts, but settings may import only lib",
  ]);
  expect(objection("image/root.ts", "../host/system.ts")).toContain("but image may import only");
  expect(objection("lib/x.ts", "../settings/key.ts")).toContain("nothing of ours");
  expect(objection("new/x.ts", "../lib/failure.ts")).toContain("tools/layers.ts does not know new/");
});

test("every layer is a folder, and every file that stands for an exception is imported by its layer", async () => {
  const folders = new Set(
    (await readdir(repository, { withFileTypes: true })).flatMap((entry) => (entry.isDirectory() ? [entry.name] : [])),
  );
  expect([...layers.keys()].filter((layer) => !folders.has(layer))).toEqual([]);
  const unused: string[] = [];
  for (const [layer, allowed] of layers) {
    const own = files.filter((file) => file.startsWith(`${layer}/`));
    for (const exception of allowed.filter((name) => name.endsWith(".ts"))) {
      const imports = await Promise.all(
        own.map(async (file) => importsOf(await read(file), file).map((path) => join(dirname(file), path))),
      );
      if (!imports.flat().includes(exception)) unused.push(`${layer}: ${exception}`);
    }
  }
  expect(unused).toEqual([]);
});

test("the map in ARCHITECTURE.md has these layers and no others, with what each may import", async () => {
  const rows = (await read("ARCHITECTURE.md")).matchAll(/^\| ((?:`[a-z]+\/`(?:, )?)+) +\| [^|]+\| ([^|]+?) +\|$/gm);
  const map = new Map(
    [...rows].flatMap(([, names = "", may = ""]) =>
      [...names.matchAll(/[a-z]+/g)].map(([name]) => [name, may.replaceAll("`", "")] as const),
    ),
  );
  map.delete("os"); // no code
  const expected = [...layers].map(([layer, allowed]) => {
    if (allowed.length === 0) return [layer, "nothing of ours"];
    return [layer, allowed.length > 10 ? "everything" : allowed.join(" ")];
  });
  expect(Object.fromEntries(map)).toEqual(Object.fromEntries(expected));
});
