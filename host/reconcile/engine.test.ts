import { expect, test } from "bun:test";
import { Failure } from "../../lib/failure.ts";
import type { Settings } from "../../settings/model.ts";
import { factsOf, settingsOf } from "../../test/settings.ts";
import { testSystem, type TestSystem } from "../../test/system.ts";
import { backoffMs, driftCheckMs, Engine, type SettingsSource } from "./engine.ts";
import { reconciler, type Reconciler } from "./reconciler.ts";

/** Committed settings that a test changes. */
function versions(): SettingsSource & { commit(motd: string): number } {
  let version = 1;
  let settings: Settings = settingsOf();
  let changed = Promise.withResolvers<undefined>();
  return {
    commit(motd) {
      settings = settingsOf({ motd });
      version++;
      changed.resolve(undefined);
      changed = Promise.withResolvers();
      return version;
    },
    current: () => ({ version, settings }),
    async changedSince(known, signal) {
      while (version <= known) {
        const { promise, reject } = Promise.withResolvers<undefined>();
        const stop = (): void => reject(signal.reason);
        signal.addEventListener("abort", stop, { once: true });
        await Promise.race([changed.promise, promise]);
        signal.removeEventListener("abort", stop);
      }
      return version;
    },
  };
}

type Slate = { written: string; fails: boolean; passes: number; onPass: () => Promise<void> | void };

/** Writes the motd on a slate. */
function slateReconciler(name: string): { slate: Slate; one: Reconciler } {
  const slate: Slate = { written: "", fails: false, passes: 0, onPass: () => undefined };
  const one = reconciler<string, string, string>({
    name,
    desired: ({ motd }) => motd,
    async observe() {
      slate.passes++;
      await slate.onPass();
      return slate.written;
    },
    plan: (desired, actual) => (desired === actual ? [] : [desired]),
    rebootNeeded: (desired) => (desired === "later" ? ["the slate is full"] : []),
    describe: (text) => ({ says: `write ${text}` }),
    async apply(_system, text) {
      if (slate.fails) throw new Failure("exit-status", "cannot write: there is no chalk");
      slate.written = text;
    },
    afterFailure: "stop",
  });
  return { slate, one };
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
  const { one } = slateReconciler("slate");
  const engine = engineOn(host, [one], versions());
  expect(engine.status()).toEqual([{ name: "slate", state: "waiting", failures: 0 }]);
  const effects = [{ says: "write Welcome to Orlop!" }];
  expect(await engine.passAll()).toEqual({ version: 1, reconcilers: [{ name: "slate", steps: 1, effects }] });
  expect(await engine.passAll()).toEqual({ version: 1, reconcilers: [{ name: "slate", steps: 0, effects: [] }] });
  expect(engine.status()).toEqual([{ name: "slate", state: "converged", version: 1, failures: 0 }]);
  expect(host.logged).toEqual(["slate: write Welcome to Orlop!"]);
});

test("a preview changes nothing and agrees with the pass that follows", async () => {
  await using host = await testSystem();
  const { slate, one } = slateReconciler("slate");
  const source = versions();
  const engine = engineOn(host, [one], source);
  const preview = await engine.preview(settingsOf({ motd: "later" }));
  expect(preview).toEqual({
    reconcilers: [{ name: "slate", effects: [{ says: "write later" }] }],
    rebootNeeded: ["the slate is full"],
  });
  expect(slate.written).toBe("");
  source.commit("later");
  const { reconcilers } = await engine.passAll();
  expect(reconcilers[0]?.effects).toEqual(preview.reconcilers[0]?.effects ?? []);
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
  const engine = engineOn(host, [broken.one, failing.one, good.one], versions());
  const { reconcilers } = await engine.passAll();
  expect(reconcilers.map(({ failure }) => failure)).toEqual([
    { code: "internal", message: "undefined is not a function" },
    { code: "exit-status", message: "cannot write: there is no chalk" },
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
  const { slate, one } = slateReconciler("slate");
  const source = versions();
  const engine = engineOn(host, [one], source);
  await using _keep = kept(engine);
  await engine.settled(1, signal);
  const version = source.commit("second");
  const report = await engine.settled(version, signal);
  expect(report).toEqual({
    version: 2,
    reconcilers: [{ name: "slate", steps: 1, effects: [{ says: "write second" }] }],
  });
  expect(slate.written).toBe("second");
});

test("a commit during a pass is not lost", async () => {
  await using host = await testSystem({ clock: "stands" });
  const { slate, one } = slateReconciler("slate");
  const source = versions();
  slate.onPass = () => {
    if (slate.passes === 1) source.commit("during");
  };
  const engine = engineOn(host, [one], source);
  await using _keep = kept(engine);
  await engine.settled(2, signal);
  expect(slate.written).toBe("during");
});

test("passes that overlap take turns, and the later one uses the newer settings", async () => {
  await using host = await testSystem();
  const { slate, one } = slateReconciler("slate");
  const source = versions();
  const gate = Promise.withResolvers<undefined>();
  let running = 0;
  slate.onPass = async () => {
    expect(++running).toBe(1);
    await gate.promise;
    running--;
  };
  const engine = engineOn(host, [one], source);
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
  const engine = engineOn(host, [failing.one, resting.one], versions());
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
  const { slate, one } = slateReconciler("slate");
  slate.fails = true;
  const engine = engineOn(host, [one], versions());
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
  const { slate, one } = slateReconciler("slate");
  const engine = engineOn(host, [one], versions());
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
    const engine = engineOn(host, [failing.one, resting.one], versions());
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
