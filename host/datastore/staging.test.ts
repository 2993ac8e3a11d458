import { describe, expect, test } from "bun:test";
import { datastoreOn, simulatedDisk, someone, tickingClock } from "../../test/worlds/host/datastore.ts";
import type { Json } from "../../lib/text/json.ts";
import * as limits from "./log/limits.ts";

const change = (key: string, value: Json | undefined) => new Map([[key, value]]);

test("transactions are apart from each other, and what is staged twice counts as it was last", async () => {
  await using host = await datastoreOn(simulatedDisk());
  host.store.stage("a", change("settings.motd", "first"));
  host.store.stage("b", change("settings.motd", "other"));
  host.store.stage("a", change("settings.motd", undefined));
  expect(host.store.pending("a")).toEqual(change("settings.motd", undefined));
  expect(host.store.pending("b")).toEqual(change("settings.motd", "other"));
  expect(host.store.pending("c")).toBeUndefined();
  expect(host.store.pendingNames()).toEqual(["a", "b"]);
});

test("dropping names the keys that were staged; an unknown transaction has none", async () => {
  await using host = await datastoreOn(simulatedDisk());
  host.store.stage(
    "a",
    new Map([
      ["settings.b", 1],
      ["settings.a", 2],
    ]),
  );
  expect(host.store.drop("a")).toEqual(["settings.a", "settings.b"]);
  expect(host.store.drop("a")).toEqual([]);
  expect(host.store.pendingNames()).toEqual([]);
});

test("a restart forgets what was staged", async () => {
  const disk = simulatedDisk();
  await using before = await datastoreOn(disk);
  before.store.stage("a", change("settings.motd", "x"));
  await using after = await datastoreOn(disk);
  expect(after.store.pendingNames()).toEqual([]);
});

describe("limits say what was too much", () => {
  const cases: { name: string; transaction?: string; changes: Map<string, Json | undefined>; code: string }[] = [
    { name: "no transaction name", transaction: "", changes: change("k", 1), code: "bad-transaction-name" },
    {
      name: "a long transaction name",
      transaction: "n".repeat(129),
      changes: change("k", 1),
      code: "bad-transaction-name",
    },
    { name: "a long key", changes: change("k".repeat(limits.keyBytes + 1), 1), code: "too-large" },
    { name: "a long key to delete", changes: change("k".repeat(limits.keyBytes + 1), undefined), code: "too-large" },
    { name: "a large value", changes: change("k", "v".repeat(limits.valueBytes)), code: "too-large" },
    { name: "a deep value", changes: change("k", deep(limits.valueDepth + 1)), code: "bad-value" },
    { name: "a value without end in depth", changes: change("k", deep(100_000)), code: "bad-value" },
    { name: "a number that JSON has not", changes: change("k", [Number.NaN]), code: "bad-value" },
    {
      name: "many keys",
      changes: new Map(Array.from({ length: limits.changesPerTransaction + 1 }, (_, index) => [`k${index}`, index])),
      code: "too-many-changes",
    },
  ];

  test.each(cases)("$name", async ({ transaction = "tx", changes, code }) => {
    await using host = await datastoreOn(simulatedDisk());
    expect(() => host.store.stage(transaction, new Map<string, Json | undefined>([["fine", 1], ...changes]))).toThrow(
      expect.objectContaining({ name: "Failure", code, message: expect.stringMatching(/^cannot stage /) }),
    );
    expect(host.store.pendingNames()).toEqual([]);
  });

  test("what just fits is taken, committed and read back", async () => {
    const disk = simulatedDisk();
    const value = "v".repeat(limits.valueBytes - 200);
    {
      await using host = await datastoreOn(disk);
      await host.set({ ["k".repeat(100)]: value, deep: deep(limits.valueDepth) });
    }
    await using host = await datastoreOn(disk);
    expect(host.store.values.get("k".repeat(100))).toBe(value);
    expect(host.store.values.get("deep")).toEqual(deep(limits.valueDepth));
  });

  test("all settings together", async () => {
    await using host = await datastoreOn(simulatedDisk());
    const value = "v".repeat(limits.valueBytes - 100);
    await host.set({ a: value });
    host.store.stage(
      "tx",
      new Map([
        ["b", value],
        ["c", value],
      ]),
    );
    await expect(host.store.commit("tx", someone, "x")).rejects.toMatchObject({
      code: "too-large",
      message: expect.stringMatching(
        /^cannot commit: all settings together would take \d+ bytes, at most 2097152 fit$/,
      ),
    });
    await host.set({ b: value });
    expect(host.store.version).toBe(2);
    await host.set({ a: null });
    expect(host.store.version).toBe(3);
  });

  test("many transactions; those that nobody touched for an hour make room", async () => {
    const clock = tickingClock();
    await using host = await datastoreOn(simulatedDisk(), { clock });
    for (let index = 0; index < limits.pendingTransactions; index++)
      host.store.stage(`tx-${index}`, change("k", index));
    expect(() => host.store.stage("one more", change("k", 1))).toThrow(
      expect.objectContaining({ code: "too-many-transactions" }),
    );
    host.store.stage("tx-7", change("k", "touched"));
    for (let second = 0; second < 3600 - 100; second++) clock.now();
    host.store.stage("one more", change("k", 1));
    expect(host.store.pendingNames()).toContain("tx-7");
    expect(host.store.pendingNames()).not.toContain("tx-0");
  });

  test("one owner's many transactions, which cost it its own oldest and others nothing", async () => {
    await using host = await datastoreOn(simulatedDisk());
    host.store.stage("ada", change("k", 1), "ada");
    for (let index = 0; index < 1000; index++) host.store.stage(`tx-${index}`, change("k", index), "bob");
    const names = host.store.pendingNames();
    expect(names).toHaveLength(limits.pendingTransactionsShare + 1);
    expect([names.includes("ada"), names.includes("tx-999"), names.includes("tx-0")]).toEqual([true, true, false]);
    const value = "v".repeat(limits.valueBytes - 100);
    for (let index = 0; index < 20; index++) host.store.stage(`large-${index}`, change("k", value), "bob");
    expect(host.store.pendingNames()).toEqual(expect.arrayContaining(["ada", "large-19"]));
    host.store.stage("ada", change("k", value), "ada");
  });

  test("one owner's transactions whose commit was refused, which it still holds", async () => {
    await using host = await datastoreOn(simulatedDisk());
    const refused = new Error("refused");
    for (let index = 0; index < 2 * limits.pendingTransactionsShare; index++) {
      host.store.stage(`tx-${index}`, change("k", index), "bob");
      const commit = host.store.commit(`tx-${index}`, someone, "x", async () => Promise.reject(refused));
      await expect(commit).rejects.toBe(refused);
    }
    expect(host.store.pendingNames()).toHaveLength(limits.pendingTransactionsShare);
  });

  test("many bytes in pending transactions", async () => {
    await using host = await datastoreOn(simulatedDisk());
    const value = "v".repeat(limits.valueBytes - 100);
    for (let index = 0; index < 8; index++) host.store.stage(`tx-${index}`, change("k", value));
    expect(() => host.store.stage("tx-8", change("k", value))).toThrow(
      expect.objectContaining({ code: "too-many-transactions" }),
    );
  });

  test("commits that wait for the disk", async () => {
    await using host = await datastoreOn(simulatedDisk());
    const marks = Array.from({ length: limits.waitingCommits + 1 }, () => host.store.markGoodBoot());
    const outcomes = await Promise.allSettled(marks);
    expect(outcomes.filter(({ status }) => status === "rejected")).toEqual([
      expect.objectContaining({ reason: expect.objectContaining({ code: "busy" }) }),
    ]);
  });
});

function deep(levels: number): Json {
  let value: Json = "bottom";
  for (let level = 0; level < levels; level++) value = [value];
  return value;
}
