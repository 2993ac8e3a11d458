/** Protects commits from a disk that refuses: a commit fails as a whole or not at all, and the next one can succeed. */
import { describe, expect, test } from "bun:test";
import { datastoreOn, simulatedDisk, someone, type TestDatastore } from "../../../test/worlds/host/datastore.ts";
import { explain } from "../../../lib/failure.ts";
import type { SimulatedDisk } from "../../../test/simulator/media/disk.ts";

const small = { storeBytes: 20_000, segmentBytes: 600, segments: 20 };

async function stageAndCommit({ store }: TestDatastore, value: string): Promise<{ version: number }> {
  store.stage("tx", new Map([["settings.motd", value]]));
  return store.commit("tx", someone, "x");
}

async function motdAfterRestart(disk: SimulatedDisk): Promise<unknown> {
  await using host = await datastoreOn(disk, { size: small });
  return host.store.values.get("settings.motd");
}

test("a disk that is full makes a commit fail with a clear reason, and the change stays pending", async () => {
  const disk = simulatedDisk();
  await using host = await datastoreOn(disk, { size: small });
  await host.set({ "settings.motd": "before" });
  disk.capacityBytes = disk.usedBytes;
  const fill = "x".repeat(8_000);
  await expect(stageAndCommit(host, fill)).rejects.toMatchObject({
    code: "disk-full",
    message: "cannot commit: no space is left on the private partition",
  });
  await host.store.changedSince(0, new AbortController().signal);
  expect(host.store.values.get("settings.motd")).toBe("before");
  expect(host.store.pending("tx")).toEqual(new Map([["settings.motd", fill]]));
  expect(await motdAfterRestart(disk)).toBe("before");

  disk.capacityBytes = Number.POSITIVE_INFINITY;
  await host.store.commit("tx", someone, "again");
  expect(await motdAfterRestart(disk)).toBe(fill);
});

test("a full disk costs history before it costs a commit", async () => {
  const disk = simulatedDisk();
  await using host = await datastoreOn(disk, { size: small });
  for (let count = 0; count < 20; count++) await host.set({ "settings.motd": `value ${count}` });
  disk.capacityBytes = disk.usedBytes;
  for (let count = 20; count < 60; count++) await host.set({ "settings.motd": `value ${count}` });
  expect(await motdAfterRestart(disk)).toBe("value 59");
  await expect(host.store.valuesAt(1)).rejects.toMatchObject({ code: "no-such-version" });
});

describe.each(["EIO", "ENOSPC"] as const)("one %s", (code) => {
  test.each([0, 1, 2, 3, 4, 5])(
    "at operation %i of the commits that follow is got round or fails a commit, and is said",
    async (after) => {
      const disk = simulatedDisk();
      await using host = await datastoreOn(disk, { size: small });
      await host.set({ "settings.motd": "before" });
      disk.refuse({ after, times: 1, code });
      const logged: unknown[] = [];
      for (let count = 0; count < 4; count++) {
        const failed = (error: unknown): void => {
          isDiskFailure(error);
          logged.push(explain(error));
        };
        await host.set({ "settings.motd": `value ${count}` }).catch(failed);
      }
      await host.set({ "settings.motd": "last" });
      expect(await motdAfterRestart(disk)).toBe("last");
      expect([...host.store.repairs, ...logged].join()).toContain(code);
    },
  );
});

test("a disk that always answers with errors makes every commit fail; once it works again, commits do", async () => {
  const disk = simulatedDisk();
  await using host = await datastoreOn(disk, { size: small });
  await host.set({ "settings.motd": "before" });
  disk.refuse({ after: 0, times: Number.POSITIVE_INFINITY, code: "EIO" });
  for (let count = 0; count < 200; count++) {
    await expect(stageAndCommit(host, "never")).rejects.toMatchObject({
      code: "disk-error",
      message: "cannot commit: the disk answered EIO",
    });
  }
  await host.store.commit("tx", someone, "x").catch(isDiskFailure);
  expect(host.store.repairs.length).toBeLessThanOrEqual(100);
  disk.refuse(undefined);
  await stageAndCommit(host, "after");
  expect(await motdAfterRestart(disk)).toBe("after");
});

test("files and bytes stay within their limits through a thousand restarts", async () => {
  const disk = simulatedDisk();
  for (let count = 0; count < 1000; count++) {
    await using host = await datastoreOn(disk, { size: small });
    await host.set({ "settings.motd": `start ${count}` });
  }
  expect(disk.peakFiles).toBeLessThanOrEqual(small.segments + 1);
  const bytes = [...disk.contents().values()].reduce((sum, file) => sum + file.length, 0);
  expect(bytes).toBeLessThanOrEqual(small.storeBytes);
  expect(await motdAfterRestart(disk)).toBe("start 999");
});

function isDiskFailure(error: unknown): void {
  expect(error).toMatchObject({ name: "Failure", code: expect.stringMatching(/^disk-(full|error)$/) });
}
