/** The identity of a piece of our own code: a cached result is stale when the code that makes it has changed. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";

const transpiler = new Bun.Transpiler({ loader: "ts" });

/** SHA-256 over a module and all modules of ours that it imports, directly or not. */
export async function sourceHash(module: string): Promise<string> {
  const sources = new Map<string, string>();
  const queue = [module];
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (sources.has(path)) continue;
    const text = await readFile(path, "utf8");
    sources.set(path, createHash("sha256").update(text).digest("hex"));
    if (!path.endsWith(".ts")) continue;
    for (const imported of transpiler.scanImports(text)) {
      if (imported.path.startsWith(".")) queue.push(resolve(dirname(path), imported.path));
    }
  }
  const hash = createHash("sha256");
  // Sorted by content, not by path: the same code in two directories is the same code.
  for (const digest of [...sources.values()].toSorted()) hash.update(`${digest}\n`);
  return hash.digest("hex");
}
