/** How a tree of modules is divided into rooms: how many files a folder holds, and which modules import each other. */
import { dirname, join, normalize } from "node:path";
import { importsOf } from "./layers.ts";

/** By module: the modules of the tree that it imports, types included. */
export type ImportGraph = ReadonlyMap<string, readonly string[]>;

/** More is two rooms. Tests stand beside their subject and do not count. */
export const mostFiles = 15;

const isTest = (file: string): boolean => file.endsWith(".test.ts");

export function importGraph(sources: ReadonlyMap<string, string>): ImportGraph {
  const resolved = (file: string, source: string): string[] =>
    importsOf(source, file)
      .filter((module) => module.startsWith("."))
      .map((module) => normalize(join(dirname(file), module)))
      .filter((module) => sources.has(module));
  return new Map([...sources].map(([file, source]) => [file, [...new Set(resolved(file, source))]]));
}

/** Folders with more files than a reader takes in. */
export function crowdedFolders(files: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const file of files.filter((name) => !isTest(name))) {
    counts.set(dirname(file), (counts.get(dirname(file)) ?? 0) + 1);
  }
  return [...counts].filter(([, count]) => count > mostFiles).map(([folder, count]) => `${folder}: ${count} files`);
}

/** The modules of each circle of imports, by Tarjan's algorithm for strongly connected components. */
export function circles(graph: ImportGraph): string[][] {
  const found: string[][] = [];
  const path: string[] = [];
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const visit = (module: string): number => {
    const own = order.size;
    order.set(module, own);
    path.push(module);
    let low = own;
    for (const next of graph.get(module) ?? []) {
      if (!order.has(next)) low = Math.min(low, visit(next));
      else if (path.includes(next)) low = Math.min(low, lowest.get(next) ?? order.get(next) ?? low);
    }
    lowest.set(module, low);
    if (low === own) {
      const circle = path.splice(path.indexOf(module));
      if (circle.length > 1) found.push(circle.toSorted());
    }
    return low;
  };
  for (const module of graph.keys()) if (!order.has(module)) visit(module);
  return found;
}
