/** Holds that each part of the tree has a README, and that its list of what others import is true in both directions. */
import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { disagreements, facedLayers, faceIn, importedFromOutside, partOf, unexplainedFolders } from "./faces.ts";
import { sourcePattern } from "./layers.ts";
import { importGraph } from "./rooms.ts";

const repository = join(import.meta.dir, "..");
const read = async (file: string): Promise<string> => await readFile(join(repository, file), "utf8");
const scan = (pattern: string): string[] => [...new Bun.Glob(pattern).scanSync(repository)].toSorted();

const sources = new Map<string, string>();
for (const file of scan(sourcePattern)) sources.set(file, await read(file));
const readmes = new Map<string, string>();
for (const file of scan(`{${facedLayers.join(",")}}/**/README.md`)) readmes.set(dirname(file), await read(file));

test("each part has a README with a list of what others import", () => {
  const parts = new Set(
    [...sources.keys()].map(partOf).filter((part) => facedLayers.includes(part.split("/")[0] ?? "")),
  );
  expect([...parts].filter((part) => faceIn(readmes.get(part) ?? "").length === 0)).toEqual([]);
  expect(parts.size).toBeGreaterThan(30);
});

test("a README lists what other parts import, and nothing else", () => {
  expect(disagreements(importGraph(sources), readmes)).toEqual([]);
});

test("each folder has a README or is named in the one above it", () => {
  const files = scan(`{${facedLayers.join(",")}}/**/*`).filter((file) => !/__snapshots__\/|\.test\.ts$/.test(file));
  expect(unexplainedFolders(files, readmes)).toEqual([]);
});

test("each folder of code below host/ and image/ has a README of its own", () => {
  const folders = new Set(
    [...sources.keys()].filter((file) => /^(?:host|image)\//.test(file)).map((file) => dirname(file)),
  );
  const bare = [...folders].filter((folder) => !readmes.has(folder));
  // Generated messages, which the README of their client explains.
  expect(bare.toSorted()).toEqual(["host/containers/containerd/api"]);
});

test("an import past a face and a line that nobody needs are seen", () => {
  const graph = new Map([
    ["host/api/serve.ts", ["host/api/wire.ts", "host/store/store.ts", "host/store/log/disk.ts", "lib/clock.ts"]],
    ["host/api/wire.ts", []],
    ["host/main.ts", ["host/api/serve.ts"]],
    ["host/store/store.ts", ["host/store/log/disk.ts"]],
    ["host/store/store.test.ts", ["host/api/wire.ts"]],
    ["test/world.ts", ["host/api/wire.ts"]],
  ]);
  expect(importedFromOutside(graph)).toEqual(
    new Map([
      ["host/store", ["log/disk.ts", "store.ts"]],
      ["lib", ["clock.ts"]],
      ["host/api", ["serve.ts"]],
    ]),
  );
  const readme = (list: string): string =>
    `# Store\n\n## What others import\n\n${list}\n\n## Later\n\n- \`late.ts\`: no\n`;
  const disagree = (list: string): string[] => disagreements(graph, new Map([["host/store", readme(list)]]));
  expect(disagree("- `store.ts`, `log/disk.ts`: both")).toEqual([]);
  expect(disagree("- `store.ts`: the store")).toEqual(["host/store/README.md does not list log/disk.ts"]);
  expect(disagree("- `store.ts`: s\n- `log/disk.ts`: d\n- `log/log.ts`: l")).toEqual([
    "host/store/README.md lists log/log.ts, which no other part imports",
  ]);
  expect(disagree("- `store.ts`: s\n- `log/disk.ts`: d\n- `store.ts`: s")).toEqual([
    "host/store/README.md lists store.ts twice",
  ]);
  expect(disagreements(graph, new Map([["host/store", "# Store\n\n- `store.ts`: the store\n"]]))).toHaveLength(2);
});

test("a folder that no README explains is seen", () => {
  const files = ["host/store/store.ts", "host/store/log/disk.ts", "host/store/log/old/form.ts", "host/api/serve.ts"];
  const above = new Map([["host/store", "What lies in `log/` is one file after the other."]]);
  expect(unexplainedFolders(files, above)).toEqual(["host/api", "host/store/log/old"]);
});
