/** Bundles a page with Bun's bundler. The same source gives the same bytes. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { Failure } from "../../lib/failure.ts";
import type { PageFile, PageFiles, PageSource } from "./page-file.ts";

/** The document and the icon, which all pages have. */
const shared = join(import.meta.dir, "../page");

const types: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
};

/** @throws {Failure<"cannot-bundle">} */
export async function bundlePage({ directory, entries }: PageSource): Promise<PageFiles> {
  const { success, outputs, logs } = await Bun.build({
    entrypoints: entries.map((name) => join(directory, name)),
    target: "browser",
    minify: true,
    // Chunks would be known by hashes of their paths, and so by where this was built.
    splitting: false,
    naming: "[name].[ext]",
    define: { "process.env.NODE_ENV": '"production"' },
    throw: false,
  });
  if (!success) throw new Failure("cannot-bundle", `cannot bundle the page: ${logs.map(String).join("; ")}`);
  const bundled = outputs.map(async (output): Promise<[string, PageFile]> => {
    const name = output.path.replace(/^\.?\//, "");
    return [name, { type: typeOf(name), text: await output.text() }];
  });
  const plain = ["index.html", "icon.svg"].map(async (name): Promise<[string, PageFile]> => {
    return [name, { type: typeOf(name), text: await readFile(join(shared, name), "utf8") }];
  });
  return new Map((await Promise.all([...plain, ...bundled])).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** One file of all, for a program to carry. */
export function packed(files: PageFiles): Uint8Array {
  return gzipSync(JSON.stringify(Object.fromEntries(files)), { level: 9 });
}

function typeOf(name: string): string {
  return types[name.split(".").at(-1) ?? ""] ?? "application/octet-stream";
}
