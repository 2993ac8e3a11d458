import { expect, test } from "bun:test";
import { abortable } from "./abortable.ts";

test("what comes first counts: the result, its failure, or the signal", async () => {
  const stop = new AbortController();
  expect(await abortable(Promise.resolve(5), stop.signal)).toBe(5);
  await expect(abortable(Promise.reject(new Error("it broke")), stop.signal)).rejects.toThrow("it broke");
  const never = Promise.withResolvers<undefined>().promise;
  const waiting = abortable(never, stop.signal);
  stop.abort(new Error("enough"));
  await expect(waiting).rejects.toThrow("enough");
  await expect(abortable(never, stop.signal)).rejects.toThrow("enough");
});

test("a failure after the signal aborted is nobody's surprise", async () => {
  const late = Promise.withResolvers<undefined>();
  const waiting = abortable(late.promise, AbortSignal.abort(new Error("enough")));
  await expect(waiting).rejects.toThrow("enough");
  late.reject(new Error("too late to matter"));
  await late.promise.catch(() => undefined);
});
