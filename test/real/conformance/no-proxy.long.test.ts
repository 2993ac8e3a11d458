/**
 * Protects: what the host takes `NO_PROXY` for is what Go takes it for. Compiles a program with Debian's Go, of the same
 * lock as everything, and asks it about each value of `cases.json`.
 */
import { expect, test } from "bun:test";
import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { cacheDirectory, workInCache } from "../../../image/packages/cache.ts";
import { machineArchitecture, openToolsRoot, runTool } from "../../../image/packages/tools-root.ts";
import { goEnvironment, goProgram } from "../../../image/recipes/go-environment.ts";
import { run } from "../../../lib/program/process.ts";
import { noProxyCases, noProxyUrls } from "./no-proxy/cases.ts";

const proxy = "http://proxy.test:3128";

test("Go answers as the table says", async () => {
  const go = await openToolsRoot({ sets: ["go"] });
  await using work = await workInCache(cacheDirectory());
  const source = join(work.path, "source");
  const directories = { build: join(work.path, "build"), modules: join(work.path, "modules") };
  for (const directory of [source, ...Object.values(directories)]) await mkdir(directory);
  for (const name of ["go.mod", "main.go"]) await copyFile(join(import.meta.dir, "no-proxy", name), join(source, name));
  const program = join(work.path, "ask");
  await runTool(go, [goProgram, "build", "-buildvcs=false", "-o", program, "."], {
    cwd: source,
    binds: [work.path],
    offline: true,
    env: { ...goEnvironment(machineArchitecture(), directories), GOTOOLCHAIN: "local", GOTMPDIR: work.path },
  });
  for (const [noProxy, direct] of noProxyCases) {
    const env = { HTTP_PROXY: proxy, HTTPS_PROXY: proxy, NO_PROXY: noProxy };
    const { stdout } = await run([program, ...noProxyUrls], { env });
    const answers = stdout.trim().split("\n");
    expect(answers).toHaveLength(noProxyUrls.length);
    expect([noProxy, ...noProxyUrls.filter((_, at) => answers[at] === "direct")]).toEqual([noProxy, ...direct]);
  }
});
