/** Protects the private partition: ten years of hourly commits stay small, quick to write, and quick to open. */
import { expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { realFiles } from "../../lib/files/files.ts";
import type { Json } from "../../lib/text/json.ts";
import { Random } from "../../test/simulator/random.ts";
import { SimulatedDisk } from "../../test/simulator/media/disk.ts";
import { Datastore } from "./datastore.ts";
import { directoryDisk } from "./log/disk.ts";
import { storeSize } from "./log/limits.ts";

const MiB = 1024 * 1024;
const years = 10;
const commits = years * 365 * 24;
const hourMs = 60 * 60 * 1000;

/** A node with labels, registries, a CA bundle: some 200 settings and 30 KiB. */
function realSettings(random: Random): Map<string, Json> {
  const text = (length: number): string => random.bytes(Math.ceil((length * 3) / 4)).toString("base64");
  const values = new Map<string, Json>([["settings.pki.corporate.data", text(12_000)]]);
  for (let index = 0; index < 150; index++) {
    values.set(`settings.kubernetes.node-labels."team.example/label-${index}"`, text(random.integer(4, 63)));
  }
  for (let index = 0; index < 50; index++) {
    values.set(`settings.container-registry.mirrors.registry-${index}`, [`https://${text(20)}.example`, text(40)]);
  }
  return values;
}

test("ten years of hourly commits take at most 24 MiB and few files, and open in a moment", async () => {
  const random = new Random(1);
  const disk = new SimulatedDisk(1);
  let hours = 0;
  const options = { image: "1.2.3-0a1b2c3d", clock: { now: () => new Date(Date.UTC(2026, 0, 1) + hours++ * hourMs) } };
  const by = { kind: "socket", uid: 0, pid: 4242 } as const;
  {
    await using store = await Datastore.open(disk, options);
    store.stage("default", realSettings(random));
    await store.commit("default", by, "apply user data");
    for (let count = 1; count < commits; count++) {
      const label = random.integer(0, 149);
      store.stage(
        `apiclient-set-${count}`,
        new Map([
          [`settings.kubernetes.node-labels."team.example/label-${label}"`, `release ${count} of label ${label}`],
        ]),
      );
      await store.commit(`apiclient-set-${count}`, by, "apiclient set");
    }
    expect(store.version).toBe(commits);
  }
  expect(disk.peakBytes).toBeLessThan(24 * MiB);
  expect(disk.peakFiles).toBeLessThanOrEqual(storeSize.segments + 1);

  const contents = disk.contents();
  const directory = await mkdtemp(join(tmpdir(), "orlop-datastore-"));
  for (const [name, bytes] of contents) await writeFile(join(directory, name), bytes);
  const startedMs = performance.now();
  await using store = await Datastore.open(directoryDisk(realFiles, directory), options);
  const openedMs = performance.now() - startedMs;
  expect(store.version).toBe(commits);
  expect(store.repairs).toEqual([]);
  const [oldest] = (await store.history(commits)).slice(-1);
  const kept = commits - (oldest?.version ?? commits);
  // A busy machine may take some times as long as the 50 ms that it should take.
  expect(openedMs).toBeLessThan(500);
  expect(kept).toBeGreaterThan(3 * 365 * 24);
  await rm(directory, { recursive: true });
}, 60_000);

test("settings as large as they may be, replaced again and again, stay within the partition too", async () => {
  const disk = new SimulatedDisk(1);
  const options = { image: "1.2.3", clock: { now: () => new Date() } };
  const by = { kind: "host", part: "test" } as const;
  await using store = await Datastore.open(disk, options);
  for (let round = 0; round < 12; round++) {
    const part = String(round % 10).repeat(1024 * 1024 - 1024);
    await store.replace(
      new Map([
        ["settings.a", part],
        ["settings.b", part],
      ]),
      by,
      "everything",
    );
    if (round % 3 === 0) await store.markGoodBoot();
  }
  expect(disk.peakBytes).toBeLessThan(24 * MiB);
}, 60_000);
