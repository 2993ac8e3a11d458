import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { executablesIn, formatGolden, goldenDifference, keepOnly, unfitExecutables } from "./executables.ts";
import { checkGolden } from "./golden.ts";
import { walk } from "./tree.ts";

let folder: string;
let root: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "orlop-executables-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function makeTree(files: Record<string, number>, links: Record<string, string> = {}): Promise<void> {
  root = await mkdtemp(join(folder, "root-"));
  for (const [path, mode] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), path.endsWith(".sh") ? "#!/bin/sh\n" : "\x7fELF");
    await chmod(join(root, path), mode);
  }
  for (const [path, target] of Object.entries(links)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await symlink(target, join(root, path));
  }
}

test("programs are executable files anywhere and links in directories of programs, but no libraries", async () => {
  await makeTree(
    { "usr/bin/a": 0o755, "usr/libexec/b": 0o755, "usr/lib/x/libc.so.6": 0o755, "usr/share/text": 0o644 },
    { "usr/sbin/c": "../bin/a", "usr/lib/link": "x" },
  );
  expect(executablesIn(await walk(root))).toEqual(["usr/bin/a", "usr/libexec/b", "usr/sbin/c"]);
});

test("what no group names is removed", async () => {
  await makeTree({ "usr/bin/wanted": 0o755, "usr/bin/perl": 0o755, "usr/share/text": 0o644 });
  await keepOnly(root, [{ reason: "asked for", paths: ["usr/bin/wanted"] }]);
  const left = (await walk(root)).filter(({ type }) => type === "file").map(({ path }) => path);
  expect(left).toEqual(["usr/bin/wanted", "usr/share/text"]);
});

test("a program that no package brings is an error that tells what it was for", async () => {
  await makeTree({ "usr/bin/wanted": 0o755 });
  const groups = [{ reason: "time", paths: ["usr/sbin/chronyd"] }];
  await expect(keepOnly(root, groups)).rejects.toMatchObject({
    code: "no-such-executable",
    message: "cannot find /usr/sbin/chronyd in the packages (for: time)",
  });
});

test("set-uid files, scripts and links that lead nowhere are not fit for a host", async () => {
  await makeTree({ "usr/bin/su": 0o4755, "usr/bin/tool.sh": 0o755 }, { "usr/bin/gone": "missing" });
  expect(await unfitExecutables(root, { scripts: false })).toEqual([
    "/usr/bin/su is set-uid or set-gid",
    "/usr/bin/gone leads nowhere",
    "/usr/bin/tool.sh is a script",
  ]);
  expect(await unfitExecutables(root, { scripts: true })).not.toContain("/usr/bin/tool.sh is a script");
});

const groups = [
  { reason: "time", paths: ["usr/sbin/chronyd", "usr/bin/chronyc"] },
  { reason: "nothing of it is there", paths: ["usr/bin/absent"] },
];

test("the golden list gives each program under its reason", () => {
  expect(formatGolden(["usr/bin/chronyc", "usr/sbin/chronyd"], groups)).toBe(
    "# time\n/usr/bin/chronyc\n/usr/sbin/chronyd\n",
  );
  expect(() => formatGolden(["usr/bin/perl"], groups)).toThrow("no reason for perl");
});

test("the difference of two golden lists ignores reasons and order", () => {
  expect(goldenDifference("# a\n/usr/bin/x\n/usr/bin/y\n", "# b\n/usr/bin/y\n/usr/bin/x\n")).toEqual([]);
  expect(goldenDifference("/usr/bin/old\n/usr/bin/x\n", "/usr/bin/x\n/usr/bin/perl\n")).toEqual([
    "-/usr/bin/old",
    "+/usr/bin/perl",
  ]);
});

test("a root with other executables than the committed list is refused until the list is written anew", async () => {
  const path = join(folder, "dev.golden");
  await writeFile(path, "/usr/bin/x\n");
  const check = (mode: "check" | "write"): Promise<void> =>
    checkGolden("dev", "x86_64", "/usr/bin/x\n/usr/bin/perl\n", mode, path);
  await expect(check("check")).rejects.toMatchObject({ code: "executables-changed" });
  await check("write");
  await check("check");
});
