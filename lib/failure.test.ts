import { expect, test } from "bun:test";
import { afterFailure, explain, Failure, firstError, isFailure } from "./failure.ts";

const full = new Failure("disk-full", "cannot write it: the disk is full", { hint: "remove something" });
const system = (message: string): Error => Object.assign(new Error(message), { code: "EIO" });

test("what clearing up meets stands behind the failure, which keeps its code", async () => {
  const thrown = await afterFailure(full, async () => await Promise.reject(system("cannot remove it")));
  expect(isFailure(thrown, "disk-full")).toBe(true);
  expect(explain(thrown)).toBe(
    "cannot write it: the disk is full\n  and then: cannot remove it\nhint: remove something",
  );
  expect(await afterFailure(full, async () => await Promise.resolve())).toBe(full);
});

test("of a body and a disposal that both failed, the body is told first", async () => {
  const broken = { [Symbol.asyncDispose]: async () => await Promise.reject(system("cannot close it")) };
  const work = async (): Promise<never> => {
    await using _outer = broken;
    await using _inner = broken;
    throw new Failure("bad-key", "cannot read key", { cause: system("it is gone") });
  };
  const thrown = await work().catch((error: unknown) => error);
  expect(isFailure(firstError(thrown), "bad-key")).toBe(true);
  expect(explain(thrown).split("\n")).toEqual([
    "cannot read key",
    "  because: it is gone",
    "  and then: cannot close it",
    "  and then: cannot close it",
  ]);
});

test("both are told of a cause too", async () => {
  const broken = { [Symbol.asyncDispose]: async () => await Promise.reject(system("cannot close it")) };
  const work = async (): Promise<never> => {
    await using _work = broken;
    throw new Failure("bad-key", "cannot read key");
  };
  const cause = await work().catch((error: unknown) => error);
  expect(explain(new Failure("bad-key", "cannot use key", { cause })).split("\n")).toEqual([
    "cannot use key",
    "  because: cannot read key",
    "  and then: cannot close it",
  ]);
});
