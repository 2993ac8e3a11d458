/** The `./orlop` script: what it needs on a machine, and what it refuses. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run, ask } from "../lib/program/process.ts";

const repository = join(import.meta.dir, "..");
const script = join(repository, "orlop");
const configuration = ["package.json", "bun.lock", "bun.sum", "bunfig.toml", "tsconfig.json"];
let directory = "";
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "bootstrap-"));
});
afterEach(async () => await rm(directory, { recursive: true }));

/** The store of a user who has never run it. */
const fresh = () => ({ ...process.env, XDG_CACHE_HOME: join(directory, "cache") });

/** Puts an `npm` in front of PATH whose packages hold `executable`. */
async function withPackage(executable: string): Promise<Record<string, string | undefined>> {
  const bin = join(directory, "bin");
  await mkdir(bin);
  await writeFile(
    join(bin, "npm"),
    `#!/bin/sh
[ "$1" = pack ] || exit 1
mkdir -p package/bin && cp '${executable}' package/bin/bun && tar -c package | gzip -1 > made.tgz && rm -r package
`,
  );
  await chmod(join(bin, "npm"), 0o755);
  return { ...fresh(), PATH: `${bin}:${process.env["PATH"] ?? ""}` };
}

test("runs from any directory, whatever configuration lies there", async () => {
  await writeFile(join(directory, "evil.ts"), `console.log("EVALUATED");`);
  await writeFile(join(directory, "bunfig.toml"), 'preload = ["./evil.ts"]\n');
  await writeFile(join(directory, ".env"), "BUN_OPTIONS=--preload=./evil.ts\n");
  await writeFile(join(directory, "tsconfig.json"), '{"compilerOptions": {"paths": {"*": ["./evil.ts"]}}}');
  const { stdout } = await run([script, "--version"], { cwd: directory });
  expect(stdout).toStartWith("orlop ");
  expect(stdout).not.toContain("EVALUATED");
});

test("passes words, input and exit codes through", async () => {
  const { stdout, exitCode } = await ask([script, "userdata", "check", "-"], { stdin: "settings.motd = 5\n" });
  expect(stdout).toStartWith("-:1:17: settings.motd must be");
  expect(exitCode).toBe(1);
  expect((await ask([script, "userdata", "chekc"])).exitCode).toBe(2);
}, 60_000);

test("keeps `userdata check` compiled until something it is made from is newer", async () => {
  const copy = join(directory, "orlop");
  const names = [
    "orlop",
    "api",
    "cli",
    "cluster",
    "console",
    "host",
    "lib",
    "programs",
    "settings",
    "variants",
    "web",
    ...configuration,
  ];
  for (const name of names) await cp(join(repository, name), join(copy, name), { recursive: true });
  await symlink(join(repository, "node_modules"), join(copy, "node_modules"));
  const sample = join(copy, "settings", "samples", "metal.toml");
  const check = async () => {
    const words = ["userdata", "check", sample, "--variant", "metal-k8s-1.20"];
    const child = Bun.spawn([join(copy, "orlop"), ...words], { stderr: "pipe" });
    const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
    return { stdout, stderr };
  };
  expect(await check()).toMatchObject({ stdout: `${sample} is valid\n`, stderr: "orlop: compiling userdata check\n" });
  expect(await check()).toEqual({ stdout: `${sample} is valid\n`, stderr: "" });

  const source = join(copy, "settings/document/check.ts");
  await writeFile(source, (await readFile(source, "utf8")).replace("is valid", "is as it should be"));
  expect(await check()).toMatchObject({
    stdout: `${sample} is as it should be\n`,
    stderr: "orlop: compiling userdata check\n",
  });
}, 120_000);

test("fetches its Bun through npm into the user's cache, once", async () => {
  const env = await withPackage(process.execPath);
  const first = await run([script, "--version"], { env });
  expect(first.stdout).toStartWith("orlop ");
  expect(first.stderr).toContain("fetching @oven/bun-linux-");
  const second = await run([script, "--version"], { env });
  expect(second).toEqual({ stdout: first.stdout, stderr: "" });
}, 60_000);

test("refuses an executable that is not the pinned one, and keeps nothing of it", async () => {
  const env = await withPackage("/bin/true");
  const { stdout, stderr, exitCode } = await ask([script, "--version"], { env });
  expect(stdout).toBe("");
  expect(stderr).toContain("its executable has not the SHA-256 that bun.sum tells");
  expect(exitCode).toBe(1);
  expect(await readdir(join(directory, "cache", "orlop", "bun"))).toEqual([]);
});
