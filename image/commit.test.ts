import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../lib/program/process.ts";
import { commitOf } from "./commit.ts";

test("a source has eight digits of its commit, and says when it differs from it or has none", async () => {
  const directory = await mkdtemp(join(tmpdir(), "orlop-commit-"));
  expect(await commitOf(directory)).toBe("00000000");
  const git = async (...words: string[]): Promise<string> =>
    (await run(["git", "-c", "user.name=T", "-c", "user.email=t@t", ...words], { cwd: directory })).stdout.trim();
  await git("init", "--quiet");
  await git("commit", "--quiet", "--allow-empty", "--message=first");
  const commit = await git("rev-parse", "--short=8", "HEAD");
  expect(await commitOf(directory)).toBe(commit);
  await Bun.write(join(directory, "new"), "");
  expect(await commitOf(directory)).toBe(`${commit}-dirty`);
  await rm(directory, { recursive: true });
});

test("a directory that is not there is no source without a commit", async () => {
  await expect(commitOf("/nonexistent")).rejects.toThrow("cannot run git in /nonexistent: there is no such directory");
});
