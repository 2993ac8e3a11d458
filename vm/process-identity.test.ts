import { expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { identify, isAlive, kill, processesOf, untilGone } from "./process-identity.ts";

test("a process is known while it lives and gone when it was killed", async () => {
  const child = Bun.spawn(["sleep", "60"]);
  const identity = await identify(child.pid);
  if (identity === undefined) throw new Error("the child is not there");
  expect(await isAlive(identity)).toBe(true);
  const gone = untilGone(identity, AbortSignal.timeout(5000));
  await kill(identity);
  await gone;
  expect(await isAlive(identity)).toBe(false);
  expect(await child.exited).toBe(137);
});

test("a number that now means another process is neither alive nor killed", async () => {
  const child = Bun.spawn(["sleep", "60"]);
  const identity = await identify(child.pid);
  if (identity === undefined) throw new Error("the child is not there");
  const earlier = { ...identity, startTicks: "1" };
  expect(await isAlive(earlier)).toBe(false);
  await kill(earlier);
  expect(await isAlive(identity)).toBe(true);
  await kill(identity);
});

test("a number that no process has means nobody", async () => {
  expect(await identify(2 ** 22 + 1)).toBeUndefined();
});

test("processes are found by the program that an interpreter runs in them, and by nothing less", async () => {
  const directory = await mkdtemp(join(tmpdir(), "orlop-program-"));
  const program = join(directory, "program.ts");
  await writeFile(program, "setInterval(() => undefined, 1000);\n");
  const running = Bun.spawn([process.execPath, program, "1.35"]);
  const mentions = Bun.spawn(["tail", "--follow", program], { stdout: "ignore" });
  try {
    expect(await processesOf(program)).toEqual([expect.objectContaining({ pid: running.pid })]);
    expect(await processesOf(`${program}x`)).toEqual([]);
  } finally {
    running.kill("SIGKILL");
    mentions.kill("SIGKILL");
    await rm(directory, { recursive: true });
  }
});
