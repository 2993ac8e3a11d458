import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { watchedFiles, type WatchedFiles } from "../../test/worlds/watched-files.ts";
import { removeDurably, removeLeftovers, textsIn, writeFileAtomic } from "./files.ts";

let directory = "";
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "orlop-files-"));
});
afterEach(async () => await rm(directory, { recursive: true }));

const watched = (): WatchedFiles => watchedFiles((path) => path.slice(directory.length + 1) || ".");

test("a write syncs each directory in which one had to be made, and then the one that it writes to", async () => {
  const { files, done } = watched();
  await writeFileAtomic(join(directory, "a/b/c/file"), "x", 0o600, files);
  expect(done.splice(0)).toEqual(["sync a/b", "sync a", "sync .", "rename a/b/c/file", "sync a/b/c"]);
  await writeFileAtomic(join(directory, "a/b/c/file"), "y", 0o600, files);
  expect(done).toEqual(["rename a/b/c/file", "sync a/b/c"]);
  expect(await readFile(join(directory, "a/b/c/file"), "utf8")).toBe("y");
});

test("a removal syncs, also when there is nothing left to remove or no directory at all", async () => {
  const { files, done } = watched();
  await writeFile(join(directory, "file"), "x");
  expect(await removeDurably(join(directory, "file"), files)).toBe(true);
  expect(await removeDurably(join(directory, "file"), files)).toBe(false);
  expect(await removeDurably(join(directory, "no/file"), files)).toBe(false);
  expect(done).toEqual(["remove file", "sync .", "sync ."]);
});

test("only what interrupted writes of a file have left is removed", async () => {
  for (const name of ["file", ".file.0123456789ab", ".file.ba9876543210", ".file.backup", ".other.0123456789ab"]) {
    await writeFile(join(directory, name), "x");
  }
  expect(await removeLeftovers(join(directory, "file"))).toBe(2);
  expect((await readdir(directory)).toSorted()).toEqual([".file.backup", ".other.0123456789ab", "file"]);
  expect(await removeLeftovers(join(directory, "no/file"))).toBe(0);
});

test("the texts of a directory are those of whole files, and of none where there is no directory", async () => {
  await writeFile(join(directory, "b"), "2");
  await writeFile(join(directory, "a"), "1");
  await writeFile(join(directory, ".a.0123456789ab"), "half of");
  expect([...(await textsIn(directory))]).toEqual([
    ["a", "1"],
    ["b", "2"],
  ]);
  expect(await textsIn(join(directory, "none"))).toEqual(new Map());
});
