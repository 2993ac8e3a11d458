import { expect, test } from "bun:test";
import { identify, isAlive, kill, untilGone } from "./process-identity.ts";

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
