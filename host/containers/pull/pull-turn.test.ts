import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "bun:test";
import { linuxSystem } from "../../machine/system.ts";
import { pullTurn } from "./pull-turn.ts";

const { clock } = linuxSystem();

test("one pulls an image at a time, others at the same time, and who waits may give up", async () => {
  const directory = await mkdtemp(join(tmpdir(), "turns-"));
  const signal = AbortSignal.timeout(10_000);
  const first = await pullTurn(clock, directory, "registry.example.com/one:v1", signal);
  await using elsewhere = await pullTurn(clock, directory, "registry.example.com/two:v1", signal);
  expect(elsewhere).toBeDefined();
  const second = pullTurn(clock, directory, "registry.example.com/one:v1", signal);
  expect(await Promise.race([second, Bun.sleep(300)])).toBeUndefined();
  const gone = pullTurn(clock, directory, "registry.example.com/one:v1", AbortSignal.timeout(100));
  await expect(gone).rejects.toThrow();
  await first[Symbol.asyncDispose]();
  await (await second)[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});
