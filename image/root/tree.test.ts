import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmod, lstat, mkdir, mkdtemp, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { linkTree, resolveInRoot, setTimes, walk } from "./tree.ts";

let folder: string;
let root: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "orlop-tree-"));
  root = join(folder, "root");
  await mkdir(join(root, "usr/bin"), { recursive: true });
  await writeFile(join(root, "usr/bin/tool"), "tool");
  await symlink("usr/bin", join(root, "bin"));
  await symlink("/bin/tool", join(root, "absolute"));
  await symlink("../../../etc/passwd", join(root, "usr/bin/out"));
  await symlink("loop", join(root, "loop"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test("links are followed as the running system would follow them", async () => {
  expect(await resolveInRoot(root, "/bin/tool")).toBe("usr/bin/tool");
  expect(await resolveInRoot(root, "absolute")).toBe("usr/bin/tool");
  expect(await resolveInRoot(root, "usr/../bin/./tool")).toBe("usr/bin/tool");
});

test("a link that leads out of the root, nowhere or in circles is not followed out of it", async () => {
  expect(await resolveInRoot(root, "usr/bin/out")).toBeUndefined();
  expect(await resolveInRoot(root, "usr/bin/none")).toBeUndefined();
  expect(await resolveInRoot(root, "loop")).toBeUndefined();
});

test("a linked tree shares the files and keeps modes, and new files in it stay its own", async () => {
  await chmod(join(root, "usr/bin/tool"), 0o755);
  const copy = join(folder, "copy");
  await linkTree(root, copy);
  expect((await walk(copy)).map(({ path, type, mode }) => [path, type, mode])).toEqual(
    (await walk(root)).map(({ path, type, mode }) => [path, type, mode]),
  );
  expect((await stat(join(copy, "usr/bin/tool"))).ino).toBe((await stat(join(root, "usr/bin/tool"))).ino);
  await writeFile(join(copy, "usr/bin/new"), "");
  expect(await resolveInRoot(root, "usr/bin/new")).toBeUndefined();
});

test("times are set on links too, not on what they lead to", async () => {
  await setTimes(root, 1_000_000);
  expect((await lstat(join(root, "usr/bin/out"))).mtimeMs).toBe(1_000_000_000);
  expect((await lstat(join(root, "usr/bin/tool"))).mtimeMs).toBe(1_000_000_000);
});
