import { expect, test } from "bun:test";
import { eventually } from "../../test/eventually.ts";
import { factsOf } from "../../test/worlds/host/settings.ts";
import { testSystem } from "../../test/worlds/host/system.ts";
import { modelFor } from "../../settings/model/model.ts";
import { Changes } from "../apiserver/changes.ts";
import { SettingsLockdown } from "../apiserver/settings-lockdown.ts";
import { Datastore } from "../datastore/datastore.ts";
import { directoryDisk } from "../datastore/log/disk.ts";
import { logs } from "../kept/things.ts";
import { realStorage } from "../machine/storage.ts";
import { hostPath } from "../machine/system.ts";
import { Trial } from "./trial.ts";
import { runningHost, type RunningHost } from "../../test/worlds/host/running-host.ts";

const dayMs = 86_400_000;

async function motdOf({ api }: RunningHost): Promise<unknown> {
  return (await api.call("getSettings", { query: { keys: ["settings.motd"] } }))["motd"];
}

async function tryMotd({ api }: RunningHost, motd: string, seconds: number): Promise<void> {
  await api.call("patchSettings", { query: { tx: "t" }, body: { motd } });
  await api.commitAndWait({ tx: "t", try: seconds });
}

test("settings on trial are in force, and return when nobody confirms in time", async () => {
  await using host = await runningHost();
  await tryMotd(host, "on trial", 60);
  expect(await host.machine.read("/etc/motd")).toContain("on trial");
  expect((await host.api.call("getStatus")).trial).toMatchObject({ deadline: "2026-01-01T00:01:00.000Z" });

  await host.machine.advance(59_000);
  expect(await motdOf(host)).toBe("on trial");
  await host.machine.advance(1_000);
  await eventually(async () => expect(await host.machine.read("/etc/motd")).not.toContain("on trial"));
  expect((await host.api.call("getStatus")).trial).toBeUndefined();
  const [newest] = await host.api.call("getHistory", { query: { limit: 1 } });
  expect(newest).toMatchObject({ by: { kind: "host", part: "trial" }, changes: [{ before: "on trial" }] });
});

test("what is confirmed in time stays", async () => {
  await using host = await runningHost();
  await tryMotd(host, "kept", 60);
  await host.api.call("confirm");
  await host.machine.advance(3600_000);
  expect(await motdOf(host)).toBe("kept");
  await expect(host.api.call("confirm")).rejects.toMatchObject({ code: "no-trial", status: 409 });
});

test("a trial can be ended at once, and only what it changed returns", async () => {
  await using host = await runningHost();
  await host.api.call("patchSettings", { body: { motd: "before" } });
  await host.api.commitAndWait({});
  await tryMotd(host, "on trial", 60);
  const reverted = await host.api.call("revert", { query: { wait: true } });
  expect(reverted.changed).toEqual(["settings.motd"]);
  expect(await motdOf(host)).toBe("before");
  expect(await host.machine.read("/etc/motd")).toContain("before");
});

test("while settings are on trial, nothing else is committed, not even a second trial", async () => {
  await using host = await runningHost();
  await tryMotd(host, "on trial", 60);
  await host.api.call("patchSettings", { query: { tx: "other" }, body: { motd: "other" } });
  const refused = { code: "on-trial", status: 409 };
  await expect(host.api.call("commit", { query: { tx: "other" } })).rejects.toMatchObject(refused);
  await expect(host.api.commitAndWait({ tx: "other", try: 60 })).rejects.toMatchObject(refused);
  await expect(host.api.call("undo", {})).rejects.toMatchObject(refused);
  await host.api.call("confirm");
  expect((await host.api.commitAndWait({ tx: "other" })).changed).toEqual(["settings.motd"]);
});

test("a daemon that is restarted goes on with the same deadline", async () => {
  await using host = await runningHost();
  await tryMotd(host, "on trial", 60);
  await host.machine.advance(40_000);
  await host.restart();
  expect(await motdOf(host)).toBe("on trial");
  expect((await host.api.call("getStatus")).trial?.deadline).toBe("2026-01-01T00:01:00.000Z");
  await host.machine.advance(20_000);
  await eventually(async () => expect(await motdOf(host)).not.toBe("on trial"));
});

test("a deadline that passed while the daemon was down is kept at its start", async () => {
  await using host = await runningHost();
  await tryMotd(host, "on trial", 60);
  await host.stop();
  await host.machine.advance(120_000);
  await host.restart();
  await eventually(async () => expect(await motdOf(host)).not.toBe("on trial"));
});

test("a trial goes on over a reboot: its settings are in force, and return at the same deadline", async () => {
  await using host = await runningHost();
  await tryMotd(host, "on trial", 60);
  await host.machine.advance(40_000);
  await host.reboot();
  expect(await host.machine.read("/etc/motd")).toContain("on trial");
  const { trial, settings } = await host.api.call("getStatus");
  expect(trial?.deadline).toBe("2026-01-01T00:01:00.000Z");
  // Nobody has said yet that a boot with these settings is a good one.
  expect(settings.lastGoodBoot?.version).toBeLessThan(settings.version);
  await host.machine.advance(20_000);
  await eventually(async () => expect(await host.machine.read("/etc/motd")).not.toContain("on trial"));
});

test("a machine that starts after the deadline never applies what was on trial", async () => {
  await using host = await runningHost();
  await tryMotd(host, "on trial", 60);
  await host.stop();
  await host.machine.advance(120_000);
  await host.reboot();
  const [newest] = await host.api.call("getHistory", { query: { limit: 1 } });
  expect(newest).toMatchObject({ by: { kind: "host", part: "trial" }, changes: [{ before: "on trial" }] });
  expect(await host.machine.read("/etc/motd")).not.toContain("on trial");
  expect((await host.api.call("getStatus")).trial).toBeUndefined();
});

test("a clock that starts too early makes a trial no longer than it was asked to be", async () => {
  await using host = await runningHost();
  await tryMotd(host, "on trial", 60);
  await host.stop();
  const noted = (await host.machine.read("/var/lib/orlop/trial.json")).replaceAll("2026-01-01", "2036-01-01");
  await host.machine.write("/var/lib/orlop/trial.json", noted);
  await host.reboot();
  expect((await host.api.call("getStatus")).trial?.deadline).toBe("2026-01-01T00:01:00.000Z");
});

test.each([
  ["forward", dayMs],
  ["back", -dayMs],
])("a clock that is set a day %s moves the deadline that people read, and not the time that is left", async (_, ms) => {
  await using host = await runningHost();
  await tryMotd(host, "on trial", 60);
  host.machine.stepClock(ms);
  const deadline = new Date(Date.parse("2026-01-01T00:01:00Z") + ms).toISOString();
  expect((await host.api.call("getStatus")).trial?.deadline).toBe(deadline);
  await host.machine.advance(30_000);
  await host.restart();
  expect((await host.api.call("getStatus")).trial?.deadline).toBe(deadline);
  await host.machine.advance(10_000);
  await host.reboot();
  await host.machine.advance(9_000);
  expect(await motdOf(host)).toBe("on trial");
  expect((await host.api.call("getStatus")).trial?.deadline).toBe(deadline);
  await host.machine.advance(1_000);
  await eventually(async () => expect(await motdOf(host)).not.toBe("on trial"));
});

test("a machine that starts with a clock that is ahead ends the trial rather than grant it too much", async () => {
  await using host = await runningHost();
  await tryMotd(host, "on trial", 60);
  await host.stop();
  host.machine.stepClock(dayMs);
  await host.reboot();
  expect(await motdOf(host)).not.toBe("on trial");
});

test("a machine that starts over and over with a clock that stands does not try settings for ever", async () => {
  await using host = await runningHost();
  await tryMotd(host, "on trial", 60);
  for (let boots = 0; boots < 6; boots++) {
    await host.reboot();
    host.machine.stepClock(-10_000);
  }
  expect(await motdOf(host)).not.toBe("on trial");
});

test("what the host generates for a setting that was deleted on trial does not stay when the trial ends", async () => {
  await using host = await runningHost();
  await host.api.call("deleteSettings", { query: { keys: ["settings.updates.seed"], tx: "t" } });
  await host.api.commitAndWait({ tx: "t", try: 60 });
  const seed = async (): Promise<unknown> =>
    (await host.api.call("getSettings", { query: { keys: ["settings.updates"] } }))["updates"];
  await eventually(async () => expect(await seed()).toMatchObject({ seed: expect.any(Number) }));
  await host.api.call("revert", {});
  expect(await seed()).toMatchObject({ seed: 7 });
});

test("a trial that was refused leaves nothing behind to revert", async () => {
  await using host = await runningHost();
  await expect(host.api.commitAndWait({ tx: "nothing-there", try: 60 })).rejects.toMatchObject({
    code: "nothing-pending",
  });
  expect((await host.api.call("getStatus")).trial).toBeUndefined();
  expect(await host.machine.readIfPresent("/var/lib/orlop/trial.json")).toBeUndefined();
});

test("trying what is so already starts no trial", async () => {
  await using host = await runningHost();
  await host.api.call("patchSettings", { query: { tx: "t" }, body: { network: { hostname: "test-host" } } });
  expect(await host.api.commitAndWait({ tx: "t", try: 60 })).toMatchObject({ changed: [] });
  expect((await host.api.call("getStatus")).trial).toBeUndefined();
});

test("power that fails between noting a trial and committing it changes nothing", async () => {
  await using host = await runningHost();
  await host.api.call("patchSettings", { body: { motd: "kept" } });
  await host.api.commitAndWait({});
  const { version } = (await host.api.call("getStatus")).settings;
  await host.stop();
  const noted = { key: "settings.motd", before: "kept", after: "never committed" };
  const file = { version: version + 1, revertsTo: version, seconds: 60, changes: [noted] };
  await host.machine.write(
    "/var/lib/orlop/trial.json",
    JSON.stringify({ ...file, deadline: "2026-01-01T00:01:00.000Z" }),
  );
  await host.reboot();
  expect(await motdOf(host)).toBe("kept");
  expect((await host.api.call("getStatus")).settings.version).toBe(version);
});

test("power that fails between the return of the settings and the note of it leaves nothing on trial", async () => {
  await using host = await runningHost();
  await tryMotd(host, "on trial", 60);
  const note = await host.machine.read("/var/lib/orlop/trial.json");
  await host.api.call("revert", {});
  await host.stop();
  await host.machine.write("/var/lib/orlop/trial.json", note);
  await host.restart();
  expect((await host.api.call("getStatus")).trial).toBeUndefined();
  expect(await host.machine.readIfPresent("/var/lib/orlop/trial.json")).toBeUndefined();
});

test("a daemon that stops while somebody confirms brings no trial back", async () => {
  const removal = Promise.withResolvers<void>();
  const removing = Promise.withResolvers<void>();
  await using machine = await testSystem({
    clock: "stands",
    storage: {
      ...realStorage,
      async remove(path) {
        removing.resolve();
        await removal.promise;
        await realStorage.remove(path);
      },
    },
  });
  const { system } = machine;
  const disk = directoryDisk(realStorage, hostPath(system, logs.settings.path));
  await using datastore = await Datastore.open(disk, { image: "0.1.0", clock: system.clock });
  const trial = await Trial.open(system, datastore);
  const changes = new Changes(modelFor(factsOf().variant), datastore, trial, await SettingsLockdown.open(system));
  datastore.stage("t", new Map([["settings.motd", "tried"]]));
  await changes.commit("t", { kind: "socket", uid: 0 }, "set", 60);
  const stop = new AbortController();
  const keeping = trial.keep(async (work) => await changes.exclusively(work), stop.signal);
  const confirming = changes.exclusively(async () => await trial.confirm());
  await removing.promise;
  stop.abort(new Error("the daemon stops"));
  await Bun.sleep(0); // a note that does not wait for its turn is written now
  removal.resolve();
  await Promise.all([confirming, keeping]);
  expect(await machine.readIfPresent("/var/lib/orlop/trial.json")).toBeUndefined();
});

test("what is staged while a trial is being noted is no part of it", async () => {
  const late = new Map([["settings.network.hostname", "late"]]);
  let stageLate = (): void => undefined;
  await using machine = await testSystem({
    storage: {
      ...realStorage,
      async create(path, mode) {
        stageLate();
        return await realStorage.create(path, mode);
      },
    },
  });
  const { system } = machine;
  const disk = directoryDisk(realStorage, hostPath(system, logs.settings.path));
  await using datastore = await Datastore.open(disk, { image: "0.1.0", clock: system.clock });
  const trial = await Trial.open(system, datastore);
  const changes = new Changes(modelFor(factsOf().variant), datastore, trial, await SettingsLockdown.open(system));
  datastore.stage("t", new Map([["settings.motd", "tried"]]));
  stageLate = () => datastore.stage("t", late);
  const { changed } = await changes.commit("t", { kind: "socket", uid: 0 }, "set", 60);
  expect(changed).toEqual(["settings.motd"]);
  expect(datastore.pending("t")).toEqual(late);
});

test("a damaged note of a trial does not keep the host from starting", async () => {
  await using host = await runningHost();
  await host.stop();
  await host.machine.write("/var/lib/orlop/trial.json", "{");
  await host.restart();
  const { trial, setAside } = await host.api.call("getStatus");
  expect(trial).toBeUndefined();
  expect(setAside).toMatchObject([
    { path: "/var/lib/orlop/trial.json", effect: "settings that were on trial stay as they are" },
  ]);
});
