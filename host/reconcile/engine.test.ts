import { expect, test } from "bun:test";
import { Failure } from "../../lib/failure.ts";
import type { Settings } from "../../settings/model/model.ts";
import { factsOf, settingsOf } from "../../test/worlds/host/settings.ts";
import { testSystem, type TestSystem } from "../../test/worlds/host/system.ts";
import { backoffMs, driftCheckMs, Engine, type SettingsSource } from "./engine.ts";
import { reconciler, type Reconciler } from "./reconciler.ts";

/** Committed settings that a test changes. */
function versions(): SettingsSource & { commit(settings: string | Parameters<typeof settingsOf>[0]): number } {
  let version = 1;
  let settings: Settings = settingsOf();
  let wake = Promise.withResolvers<undefined>();
  return {
    commit(changed) {
      settings = settingsOf(typeof changed === "string" ? { motd: changed } : changed);
      version++;
      wake.resolve(undefined);
      wake = Promise.withResolvers();
      return version;
    },
    current: () => ({ version, settings }),
    async changedSince(known, signal) {
      while (version <= known) {
        const { promise, reject } = Promise.withResolvers<undefined>();
        const stop = (): void => reject(signal.reason);
        signal.addEventListener("abort", stop, { once: true });
        await Promise.race([wake.promise, promise]);
        signal.removeEventListener("abort", stop);
      }
      return version;
    },
  };
}

type Slate = { written: string; fails: boolean; passes: number; onPass: () => Promise<void> | void };

/** Writes the motd on a slate. */
function slateReconciler(name: string): { slate: Slate; subject: Reconciler } {
  const slate: Slate = { written: "", fails: false, passes: 0, onPass: () => undefined };
  const subject = reconciler<string, string, string>({
    name,
    desired: ({ motd }) => motd,
    async observe() {
      slate.passes++;
      await slate.onPass();
      return slate.written;
    },
    plan: (desired, actual) => (desired === actual ? [] : [desired]),
    rebootNeeded: (desired) => (desired === "later" ? ["the slate is full"] : []),
    describe: (text) => ({ description: `write ${text}` }),
    async apply(_system, text) {
      if (slate.fails) throw new Failure("exit-status", "cannot write: there is no chalk");
      slate.written = text;
    },
    afterFailure: "stop",
  });
  return { slate, subject };
}

/** Runs `keep` until the test is over. */
function kept(engine: Engine): AsyncDisposable {
  const stop = new AbortController();
  const running = engine.keep(stop.signal);
  return {
    async [Symbol.asyncDispose]() {
      stop.abort(new Error("the test is over"));
      await running;
    },
  };
}

function engineOn(host: TestSystem, reconcilers: Reconciler[], source: SettingsSource): Engine {
  return new Engine({ system: host.system, facts: factsOf() }, reconcilers, source);
}

const { signal } = new AbortController();

test("a pass reports what was done and by which settings, and a second one rests", async () => {
  await using host = await testSystem();
  const { subject } = slateReconciler("slate");
  const engine = engineOn(host, [subject], versions());
  expect(engine.status()).toEqual([{ name: "slate", state: "waiting", failures: 0 }]);
  const effects = [{ description: "write Welcome to Orlop!" }];
  expect(await engine.passAll()).toEqual({ version: 1, reconcilers: [{ name: "slate", steps: 1, effects }] });
  expect(await engine.passAll()).toEqual({ version: 1, reconcilers: [{ name: "slate", steps: 0, effects: [] }] });
  expect(engine.status()).toEqual([{ name: "slate", state: "converged", version: 1, failures: 0 }]);
  expect(host.logged).toEqual(["slate: write Welcome to Orlop!"]);
});

test("a preview changes nothing and agrees with the pass that follows", async () => {
  await using host = await testSystem();
  const { slate, subject } = slateReconciler("slate");
  const source = versions();
  const engine = engineOn(host, [subject], source);
  const preview = await engine.preview(settingsOf({ motd: "later" }));
  expect(preview).toEqual({
    reconcilers: [{ name: "slate", effects: [{ description: "write later" }] }],
    rebootNeeded: ["the slate is full"],
  });
  expect(slate.written).toBe("");
  source.commit("later");
  const { reconcilers } = await engine.passAll();
  expect(reconcilers[0]?.effects).toEqual(preview.reconcilers[0]?.effects ?? []);
  expect(reconcilers[0]?.rebootNeeded).toEqual(preview.rebootNeeded);
  expect(engine.rebootNeeded()).toEqual(["the slate is full"]);
});

test("one reconciler that fails, or has a bug, does not keep the others from theirs", async () => {
  await using host = await testSystem();
  const broken = slateReconciler("broken");
  broken.slate.onPass = () => {
    throw new TypeError("undefined is not a function");
  };
  const failing = slateReconciler("failing");
  failing.slate.fails = true;
  const good = slateReconciler("good");
  const engine = engineOn(host, [broken.subject, failing.subject, good.subject], versions());
  const { reconcilers } = await engine.passAll();
  expect(reconcilers.map(({ failure }) => failure)).toEqual([
    { code: "internal", message: "undefined is not a function", undone: ["look at the machine"] },
    { code: "exit-status", message: "cannot write: there is no chalk", undone: ["write Welcome to Orlop!"] },
    undefined,
  ]);
  expect(good.slate.written).not.toBe("");
  expect(engine.status().map(({ state, failures }) => [state, failures])).toEqual([
    ["failing", 1],
    ["failing", 1],
    ["converged", 0],
  ]);
});

test("a commit is applied, and who waits for its version learns the result", async () => {
  await using host = await testSystem({ clock: "stands" });
  const { slate, subject } = slateReconciler("slate");
  const source = versions();
  const engine = engineOn(host, [subject], source);
  await using _keep = kept(engine);
  await engine.settled(1, signal);
  const version = source.commit("second");
  const report = await engine.settled(version, signal);
  expect(report).toEqual({
    version: 2,
    reconcilers: [{ name: "slate", steps: 1, effects: [{ description: "write second" }] }],
  });
  expect(slate.written).toBe("second");
});

/** One board with a line for each key of `sysctl`, of which some cannot be written. */
function boardReconciler(afterFailure: "stop" | "continue" = "continue") {
  const board = {
    written: new Map<string, string>(),
    fails: new Set<string>(),
    lacks: new Set<string>(),
    blind: false,
  };
  const subject = reconciler<ReadonlyMap<string, string>, ReadonlyMap<string, string>, { key: string; value: string }>({
    name: "board",
    desired({ kernel, motd }) {
      if (motd === "absurd") throw new Failure("bad-settings", "cannot work it out");
      return new Map(Object.entries(kernel.sysctl));
    },
    async observe() {
      if (board.blind) throw new Failure("cannot-read", "cannot look at the board");
      return board.written;
    },
    plan: (desired, actual) =>
      [...desired].flatMap(([key, value]) =>
        actual.get(key) === value || board.lacks.has(key) ? [] : [{ key, value }],
      ),
    warnings: (desired) => [...desired.keys()].filter((key) => board.lacks.has(key)).map((key) => `no line ${key}`),
    describe: ({ key, value }) => ({ description: `set ${key} to ${value}` }),
    async apply(_system, { key, value }) {
      if (board.fails.has(key)) throw new Failure("exit-status", `cannot set ${key}`);
      board.written.set(key, value);
    },
    afterFailure,
  });
  return { board, subject };
}

test("what failed before a change and does not depend on it is told apart from what the change did", async () => {
  await using host = await testSystem({ clock: "stands" });
  const { board, subject } = boardReconciler();
  board.fails.add("bad").add("worse");
  const source = versions();
  const engine = engineOn(host, [subject], source);
  await using _keep = kept(engine);
  const after = async (sysctl: Record<string, string>) => {
    const { reconcilers } = await engine.settled(source.commit({ kernel: { sysctl } }), signal);
    return { failure: reconcilers[0]?.failure?.undone, before: reconcilers[0]?.failedBefore?.undone };
  };
  expect(await after({ bad: "1" })).toEqual({ failure: ["set bad to 1"], before: undefined });
  expect(await after({ bad: "1", good: "1" })).toEqual({ failure: undefined, before: ["set bad to 1"] });
  expect(await after({ bad: "1", worse: "1" })).toEqual({ failure: ["set worse to 1"], before: ["set bad to 1"] });
  expect(await after({ bad: "2", worse: "1" })).toEqual({ failure: ["set bad to 2"], before: ["set worse to 1"] });
  expect(await after({})).toEqual({ failure: undefined, before: undefined });
  expect(await after({ bad: "2" })).toEqual({ failure: ["set bad to 2"], before: undefined });
  // Whoever asks for everything to be applied is answered for everything.
  await after({ bad: "2", good: "1" });
  expect((await engine.passAll()).reconcilers[0]?.failure?.undone).toEqual(["set bad to 2"]);
});

test("a change that is held up behind what failed before is not done either", async () => {
  await using host = await testSystem({ clock: "stands" });
  const { board, subject } = boardReconciler("stop");
  board.fails.add("a");
  const source = versions();
  const engine = engineOn(host, [subject], source);
  await using _keep = kept(engine);
  const after = async (sysctl: Record<string, string>) =>
    (await engine.settled(source.commit({ kernel: { sysctl } }), signal)).reconcilers[0];
  await after({ a: "1" });
  expect((await after({ a: "1", b: "1" }))?.failure?.undone).toEqual(["set a to 1", "set b to 1"]);
  const unchanged = await after({ b: "1", a: "1" });
  expect([unchanged?.failure, unchanged?.failedBefore?.undone]).toEqual([undefined, ["set a to 1", "set b to 1"]]);
});

test("a reconciler that cannot even plan failed before only while all that it read is the same", async () => {
  await using host = await testSystem({ clock: "stands" });
  const { board, subject } = boardReconciler();
  const source = versions();
  const engine = engineOn(host, [subject], source);
  await using _keep = kept(engine);
  const after = async (settings: Parameters<typeof settingsOf>[0]) => {
    const report = (await engine.settled(source.commit(settings), signal)).reconcilers[0];
    return [report?.failure?.message, report?.failedBefore?.message];
  };
  expect(await after({ motd: "absurd" })).toEqual(["cannot work it out", undefined]);
  expect(await after({ motd: "absurd", updates: { seed: 3 } })).toEqual([undefined, "cannot work it out"]);
  board.blind = true;
  expect(await after({ kernel: { sysctl: { a: "1" } } })).toEqual(["cannot look at the board", undefined]);
  expect(await after({ kernel: { sysctl: { a: "1" } }, motd: "new" })).toEqual([undefined, "cannot look at the board"]);
  expect(await after({ kernel: { sysctl: { a: "2" } } })).toEqual(["cannot look at the board", undefined]);
});

test("a warning is told with the change that brings it, and in the status as long as it holds", async () => {
  await using host = await testSystem({ clock: "stands" });
  const { board, subject } = boardReconciler();
  board.lacks.add("odd");
  const source = versions();
  const engine = engineOn(host, [subject], source);
  await using _keep = kept(engine);
  const warnings = async (sysctl: Record<string, string>) =>
    (await engine.settled(source.commit({ kernel: { sysctl } }), signal)).reconcilers[0]?.warnings;
  expect(await warnings({ odd: "1" })).toEqual(["no line odd"]);
  expect(await warnings({ odd: "1", even: "1" })).toBeUndefined();
  expect(engine.status()[0]).toMatchObject({ state: "converged", failures: 0, warnings: ["no line odd"] });
  expect(host.logged.filter((line) => line.includes("odd"))).toEqual(["board: warning: no line odd"]);
  expect(await warnings({ even: "1" })).toBeUndefined();
  expect(engine.status()[0]).not.toHaveProperty("warnings");
});

test("what the machine lacks is looked for again as soon as what failed, and is no failure", async () => {
  await using host = await testSystem({ clock: "stands" });
  const { board, subject } = boardReconciler();
  board.lacks.add("odd");
  const source = versions();
  const engine = engineOn(host, [subject], source);
  await using _keep = kept(engine);
  await engine.settled(source.commit({ kernel: { sysctl: { odd: "1" } } }), signal);
  board.lacks.clear();
  await settle(() => host.sleeping() === 1);
  await host.advance(backoffMs(1));
  await settle(() => board.written.get("odd") === "1");
  expect(engine.status()[0]).toMatchObject({ state: "converged", failures: 0 });
});

test("who waits for a version gets the pass that brought it, whatever passes came since", async () => {
  await using host = await testSystem({ clock: "stands" });
  const failing = slateReconciler("failing");
  const good = slateReconciler("good");
  const source = versions();
  const engine = engineOn(host, [failing.subject, good.subject], source);
  await using _keep = kept(engine);
  await engine.settled(1, signal);
  failing.slate.fails = true;
  const second = source.commit("second");
  const report = await engine.settled(second, signal);
  expect(report.reconcilers.map(({ name, steps }) => [name, steps])).toEqual([
    ["failing", 1],
    ["good", 1],
  ]);
  await settle(() => host.sleeping() === 1);
  const passes = failing.slate.passes;
  await host.advance(backoffMs(1));
  await settle(() => failing.slate.passes > passes);
  expect(await engine.settled(second, signal)).toEqual(report);
  const third = source.commit("third");
  expect((await engine.settled(third, signal)).version).toBe(third);
  expect(await engine.settled(second, signal)).toEqual(report);
});

test("a commit during a pass is not lost", async () => {
  await using host = await testSystem({ clock: "stands" });
  const { slate, subject } = slateReconciler("slate");
  const source = versions();
  slate.onPass = () => {
    if (slate.passes === 1) source.commit("during");
  };
  const engine = engineOn(host, [subject], source);
  await using _keep = kept(engine);
  await engine.settled(2, signal);
  expect(slate.written).toBe("during");
});

test("passes that overlap take turns, and the later one uses the newer settings", async () => {
  await using host = await testSystem();
  const { slate, subject } = slateReconciler("slate");
  const source = versions();
  const gate = Promise.withResolvers<undefined>();
  let running = 0;
  slate.onPass = async () => {
    expect(++running).toBe(1);
    await gate.promise;
    running--;
  };
  const engine = engineOn(host, [subject], source);
  const first = engine.passAll();
  const second = engine.passAll();
  await settle(() => slate.passes === 1);
  source.commit("newer");
  gate.resolve(undefined);
  expect((await first).version).toBe(1);
  expect((await second).version).toBe(2);
  expect(slate.written).toBe("newer");
});

test("what failed is tried again sooner than what is at rest, and ever less soon", async () => {
  await using host = await testSystem({ clock: "stands" });
  const failing = slateReconciler("failing");
  failing.slate.fails = true;
  const resting = slateReconciler("resting");
  const engine = engineOn(host, [failing.subject, resting.subject], versions());
  await using _keep = kept(engine);
  await settle(() => failing.slate.passes === 1);
  for (const pass of [2, 3, 4]) {
    await settle(() => host.sleeping() === 1);
    await host.advance(backoffMs(pass - 1));
    await settle(() => failing.slate.passes === pass);
  }
  expect(resting.slate.passes).toBe(1);
  expect(engine.status()[0]).toMatchObject({ state: "failing", failures: 4 });
  await settle(() => host.sleeping() === 1);
  failing.slate.fails = false;
  await host.advance(backoffMs(4));
  await settle(() => failing.slate.written !== "");
  expect(engine.status()[0]).toMatchObject({ state: "converged", failures: 0 });
});

test("a failure that lasts is logged once, and so is its end", async () => {
  await using host = await testSystem();
  const { slate, subject } = slateReconciler("slate");
  slate.fails = true;
  const engine = engineOn(host, [subject], versions());
  await engine.passAll();
  await engine.passAll();
  slate.fails = false;
  await engine.passAll();
  expect(host.logged).toEqual([
    "slate: cannot write: there is no chalk",
    "slate: write Welcome to Orlop!",
    "slate: recovered",
  ]);
});

test("drift is found without a commit", async () => {
  await using host = await testSystem({ clock: "stands" });
  const { slate, subject } = slateReconciler("slate");
  const engine = engineOn(host, [subject], versions());
  await using _keep = kept(engine);
  await engine.settled(1, signal);
  await settle(() => host.sleeping() === 1);
  slate.written = "drift";
  await host.advance(driftCheckMs);
  await settle(() => slate.written === "Welcome to Orlop!");
});

for (const [words, stepMs] of [
  ["a year back", -365 * 86_400_000],
  ["a year forward", 365 * 86_400_000],
] as const) {
  test(`a clock that is set ${words} neither delays passes nor brings them on`, async () => {
    await using host = await testSystem({ clock: "stands" });
    const failing = slateReconciler("failing");
    failing.slate.fails = true;
    const resting = slateReconciler("resting");
    const engine = engineOn(host, [failing.subject, resting.subject], versions());
    await using _keep = kept(engine);
    await settle(() => host.sleeping() === 1);
    host.stepClock(stepMs);
    await host.advance(backoffMs(1));
    await settle(() => failing.slate.passes === 2);
    await settle(() => host.sleeping() === 1);
    expect(resting.slate.passes).toBe(1);
    await host.advance(driftCheckMs - backoffMs(1));
    await settle(() => resting.slate.passes === 2);
  });
}

test("back-off doubles from five seconds and ends at the drift check", () => {
  expect([1, 2, 3, 4].map(backoffMs)).toEqual([5_000, 10_000, 20_000, 40_000]);
  expect(backoffMs(50)).toBe(driftCheckMs);
});

test("who stops waiting for a version is told so and is forgotten", async () => {
  await using host = await testSystem();
  const engine = engineOn(host, [], versions());
  const stop = new AbortController();
  const waiting = engine.settled(7, stop.signal);
  stop.abort(new Error("the client went away"));
  await expect(waiting).rejects.toThrow("the client went away");
  await expect(engine.settled(7, AbortSignal.abort(new Error("gone already")))).rejects.toThrow("gone already");
});

/** Lets the loop run until it is so; fails when it never is. */
async function settle(isSo: () => boolean): Promise<void> {
  for (let turn = 0; turn < 1000 && !isSo(); turn++) await Bun.sleep(1);
  expect(isSo()).toBe(true);
}
