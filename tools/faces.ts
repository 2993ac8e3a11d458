/**
 * The faces of the parts of the tree: which of its modules the others may import, as its README lists them.
 *
 * A part is a room of `host/` or `image/`, or a whole layer. Each has a README, which also names the folders inside.
 */
import { dirname } from "node:path";
import { layers } from "./layers.ts";
import type { ImportGraph } from "./rooms.ts";

/** Whatever these hold is for the laptop or the tests: they import as they like, and nothing is built on them. */
const free = ["cli", "test", "bench", "tools"];
const divided = ["host", "image"];

/** The layers whose parts have faces. */
export const facedLayers: readonly string[] = [...layers.keys()].filter((layer) => !free.includes(layer));

/** `host/update`, `image/packages`, all of `lib`; what lies beside the rooms of a layer is a part too. */
export function partOf(file: string): string {
  const [layer = "", room = ""] = dirname(file).split("/");
  return divided.includes(layer) && room !== "" ? `${layer}/${room}` : layer;
}

/** By part: its modules that program code of other parts imports. */
export function importedFromOutside(graph: ImportGraph): Map<string, string[]> {
  const faces = new Map<string, Set<string>>();
  for (const [file, modules] of graph) {
    if (/^(?:test|bench|tools)\/|\.test\.ts$/.test(file)) continue;
    for (const module of modules) {
      const part = partOf(module);
      if (part === partOf(file) || !facedLayers.includes(part.split("/", 1)[0] ?? "")) continue;
      faces.set(part, (faces.get(part) ?? new Set()).add(module.slice(part.length + 1)));
    }
  }
  return new Map([...faces].map(([part, modules]) => [part, [...modules].toSorted()]));
}

const heading = "## What others import";

/** The modules that the README of a part lists as its face: a list below the heading, each item beginning with some. */
export function faceIn(readme: string): string[] {
  const section = readme.split(`\n${heading}\n`)[1]?.split(/^## /m, 1)[0] ?? "";
  return [...section.matchAll(/^- ((?:`[^`]+`(?:, )?)+): /gm)]
    .flatMap(([, names = ""]) => [...names.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name))
    .toSorted();
}

/** What the lists in READMEs, by part, and the imports of the tree do not agree on. */
export function disagreements(graph: ImportGraph, readmes: ReadonlyMap<string, string>): string[] {
  const imported = importedFromOutside(graph);
  return [...readmes].flatMap(([part, readme]) => {
    const [used, listed] = [imported.get(part) ?? [], faceIn(readme)];
    return [
      ...used.filter((module) => !listed.includes(module)).map((module) => `${part}/README.md does not list ${module}`),
      ...listed
        .filter((module) => !used.includes(module))
        .map((module) => `${part}/README.md lists ${module}, which no other part imports`),
      ...listed
        .filter((module, at) => listed.indexOf(module) !== at)
        .map((module) => `${part}/README.md lists ${module} twice`),
    ];
  });
}

/** Folders that have no README, and that the nearest one above does not name: `fetch/`, `containerd/api/`. */
export function unexplainedFolders(files: readonly string[], readmes: ReadonlyMap<string, string>): string[] {
  const explained = (folder: string): boolean => {
    if (readmes.has(folder)) return true;
    for (let above = dirname(folder); above !== "."; above = dirname(above)) {
      const readme = readmes.get(above);
      if (readme !== undefined) return readme.includes(`\`${folder.slice(above.length + 1)}/\``);
    }
    return false;
  };
  return [...new Set(files.map((file) => dirname(file)))].filter((folder) => !explained(folder)).toSorted();
}
