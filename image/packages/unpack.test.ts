import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmod, link, lstat, mkdir, mkdtemp, readFile, readlink, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { run } from "../../lib/program/process.ts";
import { controlFile, unpack, unpackAll } from "./unpack.ts";

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "unpack-"));
});
afterAll(async () => {
  await rm(scratch, { recursive: true });
});

let count = 0;
async function directory(): Promise<string> {
  const path = join(scratch, `d${count++}`);
  await mkdir(path);
  return path;
}

/** A package with these files, made by dpkg-deb; its maintainer script would leave a mark. */
async function deb(
  name: string,
  files: Readonly<Record<string, string>>,
  { compression = "xz", prepare }: { compression?: string; prepare?: (root: string) => Promise<void> } = {},
): Promise<{ name: string; file: string }> {
  const root = await directory();
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(root, dirname(path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  await prepare?.(root);
  await mkdir(join(root, "DEBIAN"));
  const fields = [`Package: ${name}`, "Version: 1-1", "Architecture: all", "Maintainer: T <t@t.example>"];
  await writeFile(join(root, "DEBIAN/control"), [...fields, "Description: a test", ""].join("\n"));
  await writeFile(join(root, "DEBIAN/postinst"), `#!/bin/sh\ntouch ${scratch}/script-has-run\n`, { mode: 0o755 });
  const file = join(scratch, `${name}-${count++}.deb`);
  await run(["dpkg-deb", "--root-owner-group", `-Z${compression}`, "--build", root, file]);
  return { name, file };
}

test.each(["xz", "gzip", "zstd", "none"])("a package compressed with %s is unpacked", async (compression) => {
  const root = await directory();
  const { file } = await deb("a", { "usr/share/a/hello": "hello\n" }, { compression });
  await unpack(file, root);
  expect(await readFile(join(root, "usr/share/a/hello"), "utf8")).toBe("hello\n");
});

test("modes, links and odd names come out as they went in, and the listing tells them", async () => {
  const root = await directory();
  const { file } = await deb(
    "a",
    { "usr/bin/tool": "#!", "usr/share/a/na me -> ű\\n": "odd" },
    {
      prepare: async (from) => {
        await chmod(join(from, "usr/bin/tool"), 0o4751);
        await link(join(from, "usr/bin/tool"), join(from, "usr/bin/hard"));
        await symlink("tool", join(from, "usr/bin/soft"));
        await mkdir(join(from, "var/spool/a"), { recursive: true });
        await chmod(join(from, "var/spool/a"), 0o1777);
      },
    },
  );
  const entries = await unpack(file, root);
  const listed = new Map(entries.map((entry) => [entry.path, entry]));
  expect((await stat(join(root, "usr/bin/tool"))).mode & 0o7777).toBe(0o4751);
  expect((await stat(join(root, "var/spool/a"))).mode & 0o7777).toBe(0o1777);
  expect((await lstat(join(root, "usr/bin/hard"))).ino).toBe((await lstat(join(root, "usr/bin/tool"))).ino);
  expect(await readlink(join(root, "usr/bin/soft"))).toBe("tool");
  expect(await readFile(join(root, "usr/share/a/na me -> ű\\n"), "utf8")).toBe("odd");

  expect(listed.get("usr/bin/soft")).toMatchObject({ type: "symlink", target: "tool" });
  expect(listed.get("var/spool/a")).toMatchObject({ type: "directory", permissions: "rwxrwxrwt", owner: "0/0" });
  expect(listed.get("usr/share/a/na me -> ű\\n")).toMatchObject({ type: "file", bytes: 3 });
  const pair = [listed.get("usr/bin/hard"), listed.get("usr/bin/tool")];
  expect(new Set(pair.map((entry) => entry?.type))).toEqual(new Set(["file", "hardlink"]));
  expect(pair.find((entry) => entry?.type === "file")).toMatchObject({ permissions: "rwsr-x--x", bytes: 2 });
});

test("what is excluded is neither written nor listed", async () => {
  const root = await directory();
  const { file } = await deb("a", { "usr/share/doc/a/x": "", "usr/share/locale/de/y": "", "usr/share/docs": "kept" });
  const entries = await unpack(file, root, { exclude: ["usr/share/doc", "usr/share/locale/*"] });
  const paths = entries.map(({ path }) => path);
  expect(paths).toEqual(["usr", "usr/share", "usr/share/docs", "usr/share/locale"]);
  expect(await Bun.file(join(root, "usr/share/doc/a/x")).exists()).toBe(false);
});

test("a package that still ships /lib lands in /usr/lib", async () => {
  const root = await directory();
  await unpackAll([await deb("old", { "lib/modules/x": "1", "sbin/y": "2" })], root, { label: "unpacking" });
  expect(await readFile(join(root, "usr/lib/modules/x"), "utf8")).toBe("1");
  expect(await readFile(join(root, "usr/sbin/y"), "utf8")).toBe("2");
  expect(await readlink(join(root, "lib"))).toBe("usr/lib");
});

test("many packages share directories, and what each brought is told in their order", async () => {
  const root = await directory();
  const debs = await Promise.all(["c", "a", "b"].map((name) => deb(name, { [`usr/share/x/${name}`]: name })));
  const unpacked = await unpackAll(debs, root, { label: "unpacking" });
  expect([...unpacked].map(([name, entries]) => [name, entries.at(-1)?.path])).toEqual([
    ["c", "usr/share/x/c"],
    ["a", "usr/share/x/a"],
    ["b", "usr/share/x/b"],
  ]);
});

test("two packages with one file are refused, under either of the file's names", async () => {
  const debs = [await deb("one", { "usr/lib/x": "1" }), await deb("two", { "lib/x": "2" })];
  await expect(unpackAll(debs, await directory(), { label: "unpacking" })).rejects.toMatchObject({
    code: "file-conflict",
    message: expect.stringContaining("cannot unpack one and two into one root: both have"),
  });
});

test("no maintainer script runs", async () => {
  await unpackAll([await deb("a", { "usr/share/a": "" })], await directory(), { label: "unpacking" });
  expect(await Bun.file(join(scratch, "script-has-run")).exists()).toBe(false);
});

test("control data can be read without unpacking", async () => {
  const { file } = await deb("a", { "usr/share/a": "" });
  expect(await controlFile(file, "postinst")).toContain("script-has-run");
  expect(await controlFile(file, "conffiles")).toBeUndefined();
});

test("a file that is no package, and one that is cut short, are refused by name", async () => {
  const text = join(scratch, "text.deb");
  await writeFile(text, "not a package");
  await expect(unpack(text, await directory())).rejects.toThrow(`cannot unpack ${text}`);
  await expect(controlFile(text, "control")).rejects.toThrow(`cannot unpack ${text}`);

  const { file } = await deb("a", { "usr/share/a": "x".repeat(100_000) }, { compression: "none" });
  const cut = join(scratch, "cut.deb");
  await writeFile(cut, (await readFile(file)).subarray(0, 50_000));
  await expect(unpack(cut, await directory())).rejects.toMatchObject({ code: "bad-package" });
});
