import { expect, test } from "bun:test";
import { Refused } from "../../../../api/client/refused.ts";
import type { StatusBody } from "../../../../api/status.ts";
import type { Clock } from "../../../../lib/clock.ts";
import { Failure } from "../../../../lib/failure.ts";
import { until, type Judgement } from "./until.ts";

/** Time elapses while it is slept, and in no other way. */
function sleptClock(): Clock {
  let elapsedMs = 1000;
  return {
    now: () => new Date(0),
    elapsedMs: () => elapsedMs,
    async sleep(ms, signal) {
      signal?.throwIfAborted();
      elapsedMs += ms;
      await Promise.resolve();
    },
  };
}

/** A host that gives these answers, one after the other, the last one for ever. */
async function waited(answers: readonly (Partial<StatusBody> | Error)[], timeoutSeconds = 60) {
  const shown: string[] = [];
  const { signal } = new AbortController();
  const clock = sleptClock();
  let at = 0;
  const result = await until({
    async ask() {
      const answer = answers[Math.min(at++, answers.length - 1)];
      if (answer instanceof Error) throw answer;
      return await Promise.resolve(answer as StatusBody);
    },
    judge: ({ hostname }): Judgement<string> => {
      if (hostname === "never") return { kind: "hopeless", reason: "it never comes" };
      return hostname === "good"
        ? { kind: "there", result: hostname }
        : { kind: "missing", reason: `it is ${hostname}` };
    },
    timeoutSeconds,
    clock,
    progress: () => ({ advance: () => undefined, detail: (words) => void shown.push(words), [Symbol.dispose]() {} }),
    signal,
  });
  return { result, shown, seconds: clock.elapsedMs() / 1000 - 1 };
}

const gone = new Failure("cannot-connect", "cannot talk to the host at web", {
  cause: new Failure("system-call", "refused"),
});

test("what is there already is not waited for, and nothing is shown", async () => {
  expect(await waited([{ hostname: "good" }])).toEqual({
    result: { kind: "there", result: "good" },
    shown: [],
    seconds: 0,
  });
});

test("a host that goes away and comes back is waited for", async () => {
  const stopping = new Refused("stopping", "the daemon is stopping", { status: 503 });
  const { result, shown } = await waited([{ hostname: "bad" }, stopping, gone, { hostname: "good" }]);
  expect(result).toEqual({ kind: "there", result: "good" });
  expect(shown).toEqual(["it is bad", "the daemon is stopping", "cannot talk to the host at web: refused"]);
});

test("what never comes ends it", async () => {
  expect((await waited([gone, { hostname: "never" }])).result).toEqual({ kind: "hopeless", reason: "it never comes" });
});

test("at the limit it says what is missing, and no limit is a single look", async () => {
  const { result, seconds } = await waited([{ hostname: "bad" }], 90);
  expect({ result, seconds }).toEqual({
    result: { kind: "timed-out", reason: "after 1 min 30 s: it is bad" },
    seconds: 90,
  });
  expect((await waited([{ hostname: "bad" }], 0)).seconds).toBe(0);
  expect((await waited([{ hostname: "good" }], 0)).result).toMatchObject({ kind: "there" });
});

test("a host that is silent for long is given up, however long the limit is; each answer begins that time anew", async () => {
  const silent = await waited([gone], 7200);
  expect(silent.result).toMatchObject({ kind: "unreachable", reason: expect.stringContaining("web") });
  expect(silent.seconds).toBe(900);
  const coming = [
    ...Array.from({ length: 800 }, () => gone),
    { hostname: "bad" },
    ...Array.from({ length: 800 }, () => gone),
  ];
  expect((await waited([...coming, { hostname: "good" }], 7200)).result).toMatchObject({ kind: "there" });
});

test("a host that must not be trusted, or refuses, is no host to wait for", async () => {
  await expect(waited([new Failure("untrusted-host", "cannot trust web")])).rejects.toThrow("cannot trust web");
  await expect(waited([new Refused("forbidden", "no", { status: 403 })])).rejects.toThrow("no");
});
