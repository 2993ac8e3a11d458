import { expect, test } from "bun:test";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { parseJson, type Json } from "../../../lib/text/json.ts";
import { readDocument } from "../../../settings/document/document.ts";
import { datastoreOn, simulatedDisk } from "../../../test/worlds/host/datastore.ts";
import { modelNamed } from "../../../test/worlds/host/models.ts";
import { emptyAddon } from "../../../test/worlds/update/efi-program.ts";
import { factsOf, settingsOf } from "../../../test/worlds/host/settings.ts";
import { testSystem, type TestSystem } from "../../../test/worlds/host/system.ts";
import { wordsOfAddon } from "../../../lib/efi/boot-addon.ts";
import { bootParameters } from "./boot-parameters.ts";

const facts = factsOf();
const smallStore = { storeBytes: 100_000, segmentBytes: 700, segments: 40 };
const withBoot = (boot: Json) => settingsOf({ boot });
const some = withBoot({ "kernel-parameters": { quiet: [], console: ["tty0", "ttyS1,115200n8"] } });
const none = settingsOf();
const addon = "/efi/loader/addons/orlop-settings.addon.efi";
const secureBoot = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";

async function machine(): Promise<TestSystem> {
  const host = await testSystem();
  await host.write("/usr/lib/systemd/boot/efi/addonx64.efi.stub", emptyAddon().toString("latin1"), "latin1");
  return host;
}

const written = async (host: TestSystem): Promise<string | undefined> =>
  wordsOfAddon(Buffer.from(await host.read(addon, "latin1"), "latin1"));

test("parameters reach the addon in the order of the document, by way of the API and a datastore that is opened again", async () => {
  const disk = simulatedDisk();
  const model = modelNamed("dev");
  const document = readDocument(
    '[settings.boot.kernel-parameters]\nquiet = []\nloglevel = ["7"]\nconsole = ["tty0"]',
    model,
  );
  if (!document.ok) throw new Error("expected a document");
  const sent = model.parse(parseJson(JSON.stringify(document.value)));
  if (!sent.ok) throw new Error("expected settings");
  {
    await using datastore = await datastoreOn(disk, { size: smallStore });
    await datastore.set(Object.fromEntries(model.leaves(sent.value)));
    // Enough for a further segment, which begins with all settings.
    for (let at = 0; at < 50; at++) await datastore.set({ "settings.motd": `${at} ${"x".repeat(200)}` });
  }
  await using datastore = await datastoreOn(disk, { size: smallStore });
  expect((await disk.list()).length).toBeGreaterThan(1);
  const settings = model.complete(model.tree(datastore.store.values));
  await using host = await machine();
  await bootParameters.reconcile(host.system, settings, facts);
  expect(await written(host)).toBe("quiet loglevel=7 console=tty0");
});

test("what an older image accepted and the kernel cannot be given is a failure that says why", async () => {
  await using host = await machine();
  const settings = withBoot({ "kernel-parameters": { roothash: ["0"] } });
  const { steps, setbacks } = await bootParameters.reconcile(host.system, settings, facts);
  expect(steps).toBe(0);
  expect(String(setbacks[0]?.error)).toContain("settings.boot.kernel-parameters.roothash must not be set");
});

test("an addon is written and removed, and a reboot is needed while it is not that of this boot", async () => {
  await using host = await machine();
  expect(await bootParameters.preview(host.system, none, facts)).toEqual({
    effects: [],
    rebootNeeded: [],
    warnings: [],
  });
  const first = await bootParameters.reconcile(host.system, some, facts);
  expect(first.setbacks).toEqual([]);
  expect(first.rebootNeeded).toHaveLength(1);
  expect(await written(host)).toBe("quiet console=tty0 console=ttyS1,115200n8");
  const second = await bootParameters.reconcile(host.system, some, facts);
  expect(second.steps).toBe(0);
  expect(second.rebootNeeded).toHaveLength(1);
  // The machine reboots: /run is empty, the ESP is not.
  await rm(join(host.system.root, "run"), { recursive: true });
  expect(await bootParameters.preview(host.system, some, facts)).toEqual({
    effects: [],
    rebootNeeded: [],
    warnings: [],
  });
  const third = await bootParameters.reconcile(host.system, none, facts);
  expect(third.rebootNeeded).toHaveLength(1);
  expect(await host.readIfPresent(addon)).toBeUndefined();
  expect((await bootParameters.reconcile(host.system, some, facts)).rebootNeeded).toEqual([]);
});

test("under Secure Boot parameters are refused, and their absence is fine", async () => {
  await using host = await machine();
  await host.write(secureBoot, "\u0006\0\0\0\u0001", "latin1");
  const { setbacks, rebootNeeded } = await bootParameters.reconcile(host.system, some, facts);
  expect(setbacks.map(({ error }) => String(error))).toEqual([
    "Failure: cannot add kernel parameters: Secure Boot starts only what is signed",
  ]);
  expect(rebootNeeded).toEqual([]);
  expect((await bootParameters.reconcile(host.system, none, facts)).setbacks).toEqual([]);
});

test("an addon that was cut short is written again", async () => {
  await using host = await machine();
  await bootParameters.reconcile(host.system, some, facts);
  await host.write(addon, "MZ", "latin1");
  await bootParameters.reconcile(host.system, some, facts);
  expect(await written(host)).toBe("quiet console=tty0 console=ttyS1,115200n8");
});

test("the addon is written and removed durably, and what an interrupted write has left goes with it", async () => {
  const done: string[] = [];
  await using host = await machine();
  const { storage } = host.system;
  const system: TestSystem["system"] = {
    ...host.system,
    storage: {
      ...storage,
      async remove(path) {
        await storage.remove(path);
        done.push("remove");
      },
      async rename(from, to) {
        await storage.rename(from, to);
        done.push("rename");
      },
      async syncDirectory(path) {
        await storage.syncDirectory(path);
        if (path.endsWith("/addons")) done.push("sync");
      },
    },
  };
  await bootParameters.reconcile(system, some, facts);
  expect(done.splice(0)).toEqual(["rename", "sync"]);
  await bootParameters.reconcile(system, none, facts);
  expect(done.splice(0)).toEqual(["remove", "sync"]);
  const leftover = "/efi/loader/addons/.orlop-settings.addon.efi.0123456789ab";
  await host.write(leftover, "half an addon");
  await bootParameters.reconcile(system, some, facts);
  expect(await host.readIfPresent(leftover)).toBeUndefined();
  expect(done).toEqual(["remove", "sync", "rename", "sync"]);
});
