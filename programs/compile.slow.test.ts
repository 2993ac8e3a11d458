import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { parseJson } from "../lib/text/json.ts";
import { run } from "../lib/program/process.ts";

const repository = join(import.meta.dir, "..");
const sources = [
  "host",
  "programs",
  "web",
  "console",
  "cluster",
  "lib",
  "settings",
  "variants",
  "api",
  "repo",
  "kubernetes",
  "bun.sum",
  "package.json",
  "tsconfig.json",
];
const manifest = z.object({ dependencies: z.record(z.string(), z.string()).default({}) });

/** The packages that programs may be compiled from, with what those need. */
async function packages(directory: string, known = new Set<string>()): Promise<Set<string>> {
  const { dependencies } = manifest.parse(parseJson(await readFile(join(directory, "package.json"), "utf8")));
  for (const name of Object.keys(dependencies)) {
    if (known.has(name)) continue;
    known.add(name);
    await packages(join(repository, "node_modules", name), known);
  }
  return known;
}

/** Compiles in another process, as another person somewhere else would. */
async function compiledIn(directory: string, environment: Record<string, string>): Promise<string> {
  const outfile = join(directory, "out", "program");
  const script = `
    import { compileClient, compileHost } from ${JSON.stringify(join(directory, "programs/compile.ts"))};
    await compileHost("aarch64", ${JSON.stringify(outfile)});
    await compileClient("linux-x86_64", ${JSON.stringify(`${outfile}-client`)});
  `;
  await run([process.execPath, "-e", script], { cwd: "/", env: { ...process.env, ...environment } });
  return createHash("sha256")
    .update(await readFile(outfile))
    .update(await readFile(`${outfile}-client`))
    .digest("hex");
}

test("the same source gives the same executables in another directory, time zone and locale", async () => {
  const first = await mkdtemp(join(tmpdir(), "compile-test-"));
  const second = await mkdtemp(join(tmpdir(), "c-"));
  const deeper = join(second, "deeper", "than", "the", "other");
  try {
    const modules = [...(await packages(repository))].map((name) => join("node_modules", name));
    for (const name of [...sources, ...modules]) {
      await cp(join(repository, name), join(first, name), { recursive: true });
    }
    await cp(first, deeper, { recursive: true });
    const shallow = await compiledIn(first, { TZ: "Asia/Tokyo", LC_ALL: "C.UTF-8" });
    const deep = await compiledIn(deeper, { TZ: "UTC", LC_ALL: "C", USER: "somebody" });
    expect(deep).toBe(shallow);
  } finally {
    await rm(first, { recursive: true });
    await rm(second, { recursive: true });
  }
}, 180_000);
