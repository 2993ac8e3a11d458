import { describe, expect, test } from "bun:test";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { realFiles } from "../../lib/files/files.ts";
import { datastoreOn, simulatedDisk, someone, tickingClock } from "../../test/worlds/host/datastore.ts";
import type { Json } from "../../lib/text/json.ts";
import { changesBetween, revert, withStaged, type Values } from "./change.ts";
import { Datastore } from "./datastore.ts";
import { directoryDisk } from "./log/disk.ts";
import { changesPerTransaction, valueBytes } from "./log/limits.ts";

/** Keys as people and machines make them, with everything that is awkward in them. */
const keys = fc.oneof(
  fc.constantFrom("settings.motd", 'settings.kubernetes.node-labels."my.label/é\\""', "__proto__", "1", ""),
  fc.string({ unit: "grapheme", maxLength: 40 }).map((text) => `settings."${text}"`),
);
/** As the disk gives them back: JSON has no negative zero. */
const values = fc.jsonValue({ maxDepth: 5 }).map((value) => JSON.parse(JSON.stringify(value)) as Json);
const states = fc.array(fc.tuple(keys, values), { maxLength: 8 }).map((entries): Values => new Map(entries));

describe("commit", () => {
  test("makes staged settings current, says what changed, and survives a restart", async () => {
    const disk = simulatedDisk();
    {
      await using host = await datastoreOn(disk);
      host.store.stage(
        "default",
        new Map<string, Json>([
          ["settings.motd", "hi"],
          ["settings.ntp.time-servers", ["a", "b"]],
        ]),
      );
      expect(await host.store.commit("default", someone, "apiclient set")).toEqual({
        version: 1,
        changed: ["settings.motd", "settings.ntp.time-servers"],
      });
      expect(host.store.pendingNames()).toEqual([]);
    }
    await using host = await datastoreOn(disk);
    expect(host.store.version).toBe(1);
    expect(host.store.values).toEqual(
      new Map<string, Json>([
        ["settings.motd", "hi"],
        ["settings.ntp.time-servers", ["a", "b"]],
      ]),
    );
    expect(host.store.repairs).toEqual([]);
  });

  test("reports only keys whose value differs, and gives no version when none does", async () => {
    await using host = await datastoreOn(simulatedDisk());
    await host.set({ "settings.motd": "hi", "settings.dns.name-servers": ["1.1.1.1"] });
    host.store.stage(
      "default",
      new Map<string, Json | undefined>([
        ["settings.motd", "hi"],
        ["settings.dns.name-servers", undefined],
        ["settings.none", undefined],
      ]),
    );
    expect(await host.store.commit("default", someone, "x")).toEqual({
      version: 2,
      changed: ["settings.dns.name-servers"],
    });
    host.store.stage("default", new Map([["settings.motd", "hi"]]));
    expect(await host.store.commit("default", someone, "x")).toEqual({ version: 2, changed: [] });
    expect(await host.store.history()).toHaveLength(2);
  });

  test("makes changes current that were never staged, under the same limits", async () => {
    await using host = await datastoreOn(simulatedDisk());
    host.store.stage("tx", new Map([["settings.motd", "staged"]]));
    const list = ["a"];
    const changes = new Map<string, Json | undefined>([
      ["settings.list", list],
      ["settings.none", undefined],
    ]);
    expect(await host.store.change(changes, someone, "at once")).toEqual({ version: 1, changed: ["settings.list"] });
    list.push("b");
    expect([...host.store.values]).toEqual([["settings.list", ["a"]]]);
    expect(await host.store.change(changes, someone, "at once")).toMatchObject({ version: 2 });
    expect(host.store.pendingNames()).toEqual(["tx"]);
    const many = new Map(Array.from({ length: changesPerTransaction + 1 }, (_, at) => [`settings.k${at}`, at]));
    await expect(host.store.change(many, someone, "x")).rejects.toMatchObject({ code: "too-many-changes" });
    const long = new Map([["settings.long", "x".repeat(valueBytes)]]);
    await expect(host.store.change(long, someone, "x")).rejects.toMatchObject({ code: "too-large" });
    expect(host.store.version).toBe(2);
  });

  test("refuses a transaction in which nothing is staged", async () => {
    await using host = await datastoreOn(simulatedDisk());
    await expect(host.store.commit("nobody", someone, "x")).rejects.toMatchObject({ code: "nothing-pending" });
  });

  test("takes what is staged at that moment; later changes begin a new transaction", async () => {
    await using host = await datastoreOn(simulatedDisk());
    host.store.stage("tx", new Map([["settings.motd", "first"]]));
    const committing = host.store.commit("tx", someone, "x");
    host.store.stage("tx", new Map([["settings.motd", "second"]]));
    await committing;
    expect(host.store.values.get("settings.motd")).toBe("first");
    expect(host.store.pending("tx")).toEqual(new Map([["settings.motd", "second"]]));
  });

  test("a hundred at once share few syncs and follow each other in the order they came", async () => {
    const disk = simulatedDisk();
    await using host = await datastoreOn(disk);
    await host.set({ "settings.count": -1 });
    const before = disk.operations;
    const commits = Array.from({ length: 100 }, (_, index) => {
      host.store.stage(`client-${index}`, new Map([["settings.count", index]]));
      return host.store.commit(`client-${index}`, someone, "count");
    });
    const versions = (await Promise.all(commits)).map(({ version }) => version);
    expect(versions).toEqual(Array.from({ length: 100 }, (_, index) => index + 2));
    expect(host.store.values.get("settings.count")).toBe(99);
    expect(disk.operations - before).toBeLessThan(10);
  });

  test("values handed out do not change when more is committed, nor when the caller keeps what was staged", async () => {
    await using host = await datastoreOn(simulatedDisk());
    const list = ["a"];
    await host.set({ "settings.list": list });
    const before = host.store.values;
    list.push("b");
    await host.set({ "settings.other": 1 });
    expect([...before]).toEqual([["settings.list", ["a"]]]);
    expect(host.store.values.get("settings.list")).toEqual(["a"]);
  });

  test("any JSON under any key reads back the same, and in history", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(states, { minLength: 1, maxLength: 5 }), async (sequence) => {
        const disk = simulatedDisk();
        const versions: number[] = [];
        {
          await using host = await datastoreOn(disk);
          for (const state of sequence) versions.push((await host.store.replace(state, someone, "state")).version);
        }
        await using host = await datastoreOn(disk);
        expect(host.store.values).toEqual(sequence.at(-1) ?? new Map());
        for (const [index, version] of versions.entries()) {
          expect(await host.store.valuesAt(version)).toEqual(sequence[index] ?? new Map());
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe("history", () => {
  test("tells who, when, on which image, why and what, newest first", async () => {
    await using host = await datastoreOn(simulatedDisk(), { image: "1.2.3-abc" });
    await host.set({ "settings.motd": "one" });
    host.store.stage("tx", new Map([["settings.motd", "two"]]));
    await host.store.commit("tx", { kind: "remote", subject: "ann" }, "apiclient set");
    const [newest, oldest] = await host.store.history();
    expect(newest).toMatchObject({
      version: 2,
      by: { kind: "remote", subject: "ann" },
      image: "1.2.3-abc",
      message: "apiclient set",
      changes: [{ key: "settings.motd", before: "one", after: "two" }],
    });
    expect(oldest).toMatchObject({ version: 1, by: someone, changes: [{ key: "settings.motd", after: "one" }] });
    expect(newest?.at.getTime()).toBeGreaterThan(oldest?.at.getTime() ?? Number.POSITIVE_INFINITY);
    expect(await host.store.history(1)).toHaveLength(1);
    expect((await host.store.history(5, 2)).map(({ version }) => version)).toEqual([1]);
    expect(await host.store.transaction(1)).toEqual(oldest as never);
    await expect(host.store.transaction(3)).rejects.toMatchObject({ code: "no-such-version" });
  });

  test("a message is cut to a length that fits the log", async () => {
    await using host = await datastoreOn(simulatedDisk());
    host.store.stage("tx", new Map([["settings.motd", "x"]]));
    await host.store.commit("tx", someone, "m".repeat(10_000));
    expect((await host.store.transaction(1)).message.length).toBeLessThan(600);
  });

  test("a time leads to the version that was current then", async () => {
    const clock = tickingClock("2026-03-01T00:00:00Z");
    await using host = await datastoreOn(simulatedDisk(), { clock });
    await host.set({ "settings.motd": "one" });
    await host.set({ "settings.motd": "two" });
    const [second, first] = await host.store.history();
    expect(await host.store.versionAt(first?.at ?? new Date(0))).toBe(1);
    expect(await host.store.versionAt(second?.at ?? new Date(0))).toBe(2);
    expect(await host.store.versionAt(new Date("2030-01-01"))).toBe(2);
    await expect(host.store.versionAt(new Date("2020-01-01"))).rejects.toMatchObject({ code: "no-such-version" });
  });

  test("a clock that was set back does not hide what came after", async () => {
    const disk = simulatedDisk();
    await using early = await datastoreOn(disk, { clock: tickingClock("2036-01-01T00:00:00Z") });
    await early.set({ "settings.motd": "the clock was wrong" });
    await using host = await datastoreOn(disk, { clock: tickingClock("2026-01-01T00:00:00Z") });
    await host.set({ "settings.motd": "the clock is right" });
    expect(await host.store.versionAt(new Date("2027-01-01"))).toBe(2);
  });

  test("a version that never was is refused, 0 is the empty beginning", async () => {
    await using host = await datastoreOn(simulatedDisk());
    expect(await host.store.valuesAt(0)).toEqual(new Map());
    await host.set({ "settings.motd": "one" });
    expect(await host.store.valuesAt(0)).toEqual(new Map());
    await expect(host.store.valuesAt(2)).rejects.toMatchObject({ code: "no-such-version" });
  });

  test("what is folded away is refused, and says how far back the history reaches", async () => {
    const size = { storeBytes: 4000, segmentBytes: 300, segments: 4 };
    await using host = await datastoreOn(simulatedDisk(), { size });
    for (let count = 0; count < 40; count++) await host.set({ "settings.motd": count });
    await expect(host.store.valuesAt(1)).rejects.toMatchObject({
      code: "no-such-version",
      message: expect.stringMatching(/^cannot go back to version 1: the history begins with version \d+ of 2026-/),
    });
    const [newest] = await host.store.history();
    expect(newest?.version).toBe(40);
  });
});

describe("good boots", () => {
  test("the last one is known after restarts, with its settings, however many transactions came since", async () => {
    const disk = simulatedDisk();
    const size = { storeBytes: 4000, segmentBytes: 300, segments: 4 };
    {
      await using host = await datastoreOn(disk, { size });
      expect(host.store.lastGoodBoot()).toBeUndefined();
      await host.set({ "settings.motd": "good", "settings.list": ["a"] });
      await host.store.markGoodBoot();
      expect(host.store.lastGoodBoot()?.version).toBe(1);
      for (let count = 0; count < 40; count++)
        await host.set({ "settings.motd": count, [`settings.${count % 3}`]: "x" });
    }
    await using host = await datastoreOn(disk, { size });
    expect(host.store.lastGoodBoot()?.version).toBe(1);
    expect(await host.store.valuesAt(1)).toEqual(
      new Map<string, Json>([
        ["settings.motd", "good"],
        ["settings.list", ["a"]],
      ]),
    );
  });
});

describe("changedSince", () => {
  test("resolves at once for an old version, and with the next commit for the newest", async () => {
    await using host = await datastoreOn(simulatedDisk());
    const { signal } = new AbortController();
    await host.set({ "settings.motd": "one" });
    expect(await host.store.changedSince(0, signal)).toBe(1);
    const changed = host.store.changedSince(1, signal);
    await host.store.markGoodBoot();
    await host.set({ "settings.motd": "two" });
    expect(await changed).toBe(2);
  });

  test("rejects with the signal's reason, also when it aborted before, and when the store is closed", async () => {
    const host = await datastoreOn(simulatedDisk());
    const stop = new AbortController();
    const waiting = host.store.changedSince(0, stop.signal);
    stop.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
    await expect(host.store.changedSince(0, stop.signal)).rejects.toThrow("enough");
    const closed = host.store.changedSince(0, new AbortController().signal);
    closed.catch(() => undefined); // rejects before the line that expects it is reached
    await host.store[Symbol.asyncDispose]();
    await expect(closed).rejects.toMatchObject({ code: "closed" });
    await expect(host.store.changedSince(0, AbortSignal.timeout(1000))).rejects.toMatchObject({ code: "closed" });
    host.store.stage("tx", new Map([["settings.motd", "late"]]));
    await expect(host.store.commit("tx", someone, "x")).rejects.toMatchObject({ code: "closed" });
  });
});

describe("taking back", () => {
  test("returns what a transaction changed and leaves what others changed since", () => {
    const changes = [
      { key: "a", before: 1, after: 2 },
      { key: "b", after: 3 },
      { key: "c", before: 4 },
    ];
    const now = new Map<string, Json>([
      ["a", 2],
      ["b", 99],
      ["d", 5],
    ]);
    const { values: after, conflicts } = revert(now, changes);
    expect(conflicts).toEqual(["b"]);
    expect(after).toEqual(
      new Map<string, Json>([
        ["a", 1],
        ["b", 99],
        ["c", 4],
        ["d", 5],
      ]),
    );
  });

  test("of the newest change gives the state before it, for any two states", () => {
    fc.assert(
      fc.property(states, states, (before, after) => {
        const changes = changesBetween(before, after);
        expect(revert(after, changes)).toEqual({ values: new Map(before), conflicts: [] });
        const staged = new Map(changes.map((change) => [change.key, change.after]));
        expect(withStaged(before, staged)).toEqual(new Map(after));
      }),
    );
  });
});

test("on a real directory: nobody else may read it, and it holds what was committed", async () => {
  const parent = await mkdtemp(join(tmpdir(), "orlop-datastore-"));
  const path = join(parent, "orlop", "datastore");
  const options = { image: "1.2.3", clock: tickingClock() };
  {
    await using store = await Datastore.open(directoryDisk(realFiles, path), options);
    store.stage("default", new Map([["settings.motd", "hi"]]));
    await store.commit("default", someone, "x");
    store.stage("default", new Map([["settings.motd", "ho"]]));
    await store.commit("default", someone, "x");
  }
  await using store = await Datastore.open(directoryDisk(realFiles, path), options);
  expect(store.values.get("settings.motd")).toBe("ho");
  expect((await stat(path)).mode & 0o777).toBe(0o700);
  const files = await readdir(path);
  expect(files).toEqual(["segment-0000000001"]);
  expect((await stat(join(path, "segment-0000000001"))).mode & 0o777).toBe(0o600);
  await rm(parent, { recursive: true });
});
