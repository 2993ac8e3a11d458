import { expect, test } from "bun:test";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { tinyInit } from "./tiny-init.ts";

test("the init starts, does not crash and goes on for ever", async () => {
  if (process.arch !== "x64") return;
  const directory = await mkdtemp(join(tmpdir(), "init-"));
  const path = join(directory, "init");
  await writeFile(path, tinyInit());
  await chmod(path, 0o755);
  const child = Bun.spawn([path]);
  await sleep(100);
  expect(child.exitCode).toBeNull();
  expect(child.signalCode).toBeNull();
  child.kill();
  await child.exited;
  await rm(directory, { recursive: true });
});
