/** Protects: what an update takes to come is told before it comes, and what came for it afterwards. */
import { expect, test } from "bun:test";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { likelyReleases } from "../../test/worlds/update/likely-releases.ts";
import type { TestImage } from "../../test/worlds/update/update-image.ts";
import { updaterWorld, type UpdaterWorld } from "../../test/worlds/update/updater-world.ts";
import { explanationText } from "../commands/apiclient/update/update.ts";
import type { Updater } from "./updater.ts";

const signal = new AbortController().signal;
const [older, newer] = likelyReleases(0, 2) as [TestImage, TestImage];

/** A host that runs the older of two releases from set A. */
async function patchedWorld(): Promise<{ world: UpdaterWorld; updater: Updater; path: (name: string) => string }> {
  const world = await updaterWorld();
  for (const [version, { artefacts, rootHash }] of [
    ["1.0.0", older],
    ["1.1.0", newer],
  ] as const) {
    await world.repository.publish(version, { artefacts, rootHash, patchesFrom: 1 });
  }
  const path = (name: string): string => join(world.host.system.root, name);
  await writeFile(path("efi/EFI/orlop/a.efi"), older.kernel);
  await writeFile(path("dev/vda2"), older.root);
  await writeFile(path("dev/vda3"), older.hash);
  return { world, updater: await world.start(), path };
}

test("explain and the status tell what comes, from which version, and what came", async () => {
  const { world, updater, path } = await patchedWorld();
  await using _world = world;
  const { download: plan } = await world.run(updater, "refresh");
  expect(plan).toEqual({ version: "1.1.0", bytes: expect.any(Number), whole_bytes: expect.any(Number), from: "1.0.0" });
  expect(plan?.bytes).toBeLessThan((plan?.whole_bytes ?? 0) / 10);

  const explanation = await updater.explain(signal);
  expect(explanation.versions.map(({ version, download }) => [version, download?.from, download?.bytes])).toEqual([
    ["1.1.0", "1.0.0", plan?.bytes],
    ["1.0.0", undefined, undefined],
  ]);
  expect(explanationText(explanation)).toMatch(
    /1\.1\.0: nothing holds it\n {2}takes [\d.]+ KiB, by a patch from 1\.0\.0; without it/,
  );

  const { update_state: state, download } = await world.run(updater, "prepare");
  expect(state).toBe("Staged");
  expect(download).toEqual({ ...plan, fetched_bytes: plan?.bytes, fetched_from: "1.0.0" } as typeof download);
  expect((await readFile(path("dev/vda4"))).subarray(0, newer.root.length).equals(newer.root)).toBe(true);
  expect((await (await world.start()).status()).download).toEqual(download);
});

test("a host whose running kernel nobody understands takes all of it, and says so", async () => {
  const { world, updater, path } = await patchedWorld();
  await using _world = world;
  await writeFile(path("efi/EFI/orlop/a.efi"), "kernel");
  await world.run(updater, "refresh");
  const { download } = await world.run(updater, "prepare");
  expect(download).not.toHaveProperty("from");
  expect(download).not.toHaveProperty("fetched_from");
  expect(download?.fetched_bytes).toBe(download?.bytes ?? Number.NaN);
  expect(explanationText(await updater.explain(signal))).toContain("1.1.0: nothing holds it\n  takes ");
});
