/** Protects: a version that failed is held, whatever becomes of finding out why, and people learn the reason. */
import { expect, test } from "bun:test";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { testImage } from "../../../test/worlds/update/update-image.ts";
import { updaterWorld } from "../../../test/worlds/update/updater-world.ts";
import { leaveReason } from "./went-back.ts";

const signal = new AbortController().signal;
const panicRecord = "Panic#1 Part1\n<0>[    1.5] Kernel panic - not syncing: Attempted to kill init!\n";
const failurePath = "/var/lib/orlop/update-failure.json";

test("a version the host came back from is held with its reason until released or a newer one comes", async () => {
  await using world = await updaterWorld("1.1.0");
  const before = await world.start();
  await world.run(before, "refresh", "prepare", "activate");
  expect(await before.lastUpdate()).toEqual({ stage: "ready", version: "1.1.0" });
  await world.startAndGoBack();
  await leaveReason(world.host.system, "1.1.0", "containerd.service is not active");
  const updater = await world.start();
  const failure = { version: "1.1.0", reason: "containerd.service is not active" };
  expect(updater.held).toMatchObject([failure]);
  expect(await updater.lastUpdate()).toMatchObject({ stage: "went-back", ...failure });
  expect(await world.run(updater, "refresh")).toMatchObject({ update_state: "Idle", chosen_update: null });
  expect((await (await world.start()).explain(signal)).versions[0]?.holds[0]?.says).toContain("containerd.service");
  await world.repository.publish("1.2.0", { artefacts: testImage(40, 3).artefacts });
  expect((await world.run(updater, "refresh")).chosen_update?.version).toBe("1.2.0");

  await expect(updater.release("1.5.0")).rejects.toMatchObject({ code: "no-such-hold" });
  await updater.release("1.1.0");
  expect(await updater.lastUpdate()).toBeUndefined();
  world.settings["version-lock"] = "v1.1.0";
  expect((await world.run(await world.start(), "refresh")).chosen_update?.version).toBe("1.1.0");
});

test("a version that fails once more, without a word, is not told by what it said the first time", async () => {
  await using world = await updaterWorld("1.1.0");
  await world.run(await world.start(), "refresh", "prepare", "activate");
  await world.startAndGoBack();
  await leaveReason(world.host.system, "1.1.0", "containerd.service is not active");
  const updater = await world.start();
  await updater.release("1.1.0");
  await world.run(updater, "refresh", "prepare", "activate");
  await world.startAndGoBack();
  expect((await world.start()).held[0]?.reason).toContain("ended without a word");
});

test("a failure that left no word is told as such", async () => {
  await using world = await updaterWorld("1.1.0");
  await world.run(await world.start(), "refresh", "prepare", "activate");
  await world.startAndGoBack();
  await leaveReason(world.host.system, "0.9.0", "of another time");
  expect((await world.start()).held[0]?.reason).toContain("ended without a word");
});

test("a kernel that panicked tells why, unless the set itself had said it", async () => {
  await using world = await updaterWorld("1.1.0");
  await world.run(await world.start(), "refresh", "prepare", "activate");
  await world.startAndGoBack();
  await world.host.write("/sys/fs/pstore/dmesg-efi_pstore-1", panicRecord);
  expect((await world.start()).held[0]?.reason).toBe(
    "its kernel panicked: Kernel panic - not syncing: Attempted to kill init!",
  );
});

test("a version that failed is held whatever keeps this host from finding out why", async () => {
  await using world = await updaterWorld("1.1.0");
  await world.run(await world.start(), "refresh", "prepare", "activate");
  await world.startAndGoBack();
  // What should be files are directories: the records of the panic, the watchdog's status, the reason that was left.
  for (const path of ["/sys/fs/pstore/x", "/sys/class/watchdog/watchdog0/bootstatus", failurePath]) {
    await mkdir(join(world.host.system.root, path), { recursive: true });
  }
  const updater = await world.start();
  expect(updater.held).toMatchObject([{ version: "1.1.0" }]);
  expect(updater.returnedFrom?.version).toBe("1.1.0");
  expect(await world.run(updater, "refresh")).toMatchObject({ update_state: "Idle", chosen_update: null });
});

test("records of a panic stay until the hold that they explain is kept, and the reason comes at the next start", async () => {
  await using world = await updaterWorld("1.1.0");
  await world.run(await world.start(), "refresh", "prepare", "activate");
  await world.startAndGoBack();
  await world.host.write("/sys/fs/pstore/dmesg-efi_pstore-1", panicRecord);
  world.failingWrites.add("updates.json");
  const unlucky = await world.start();
  expect(unlucky.held).toMatchObject([{ version: "1.1.0" }]);
  expect(await readdir(join(world.host.system.root, "sys/fs/pstore"))).toEqual(["dmesg-efi_pstore-1"]);
  world.failingWrites.clear();
  expect((await world.start()).held[0]?.reason).toContain("Attempted to kill init!");
  expect(await readdir(join(world.host.system.root, "sys/fs/pstore"))).toEqual([]);
});

test("a hold whose reason was not found out before the daemon ended gets it at the next start", async () => {
  await using world = await updaterWorld("1.1.0");
  await world.run(await world.start(), "refresh", "prepare", "activate");
  await world.startAndGoBack();
  const hold = {
    version: "1.1.0",
    at: new Date().toISOString(),
    reason: "it did not prove healthy",
    unexplained: true,
  };
  await world.host.write("/var/lib/orlop/updates.json", JSON.stringify({ available: [], held: [hold] }));
  await leaveReason(world.host.system, "1.1.0", "containerd.service is not active");
  expect((await world.start()).held).toMatchObject([{ version: "1.1.0", reason: "containerd.service is not active" }]);
});
