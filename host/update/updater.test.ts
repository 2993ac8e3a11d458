/** Protects: what was chosen is what is written, and nothing unproved is overwritten; commands go one at a time. */
import { expect, test } from "bun:test";
import { readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { changeManifest } from "../../repo/publish.ts";
import { recall } from "../../repo/manifest.ts";
import type { Migration } from "../../settings/migrations/migration.ts";
import { modelFor } from "../../settings/model/model.ts";
import { variantNamed } from "../../variants/all.ts";
import { testImage } from "../../test/worlds/update/update-image.ts";
import { testMachines } from "../../test/worlds/update/update-repository.ts";
import { updaterWorld } from "../../test/worlds/update/updater-world.ts";
import { entryName } from "./boot/boot-entry.ts";
import { readTerms } from "./judge/terms.ts";

const signal = new AbortController().signal;
const model = modelFor(variantNamed("dev"));

test("an update goes from found to written to next, and back, as the API tells it", async () => {
  await using world = await updaterWorld("1.1.0");
  const updater = await world.start();
  const image = { ...testMachines, version: "1.1.0" };
  const running = { image: { ...testMachines, version: "1.0.0" } };
  expect(await world.run(updater, "refresh")).toMatchObject({
    update_state: "Available",
    available_updates: ["1.1.0"],
    chosen_update: image,
    active_partition: { ...running, next_to_boot: true },
    staging_partition: null,
    most_recent_command: { cmd_type: "refresh", cmd_status: "Success", exit_status: 0, stderr: "" },
  });
  expect(await world.run(updater, "prepare")).toMatchObject({
    update_state: "Staged",
    staging_partition: { image, next_to_boot: false },
  });
  expect(await world.entries()).toEqual(["orlop-a.conf", "orlop-b.staged"]);
  expect(await world.run(updater, "activate")).toMatchObject({
    update_state: "Ready",
    active_partition: { ...running, next_to_boot: false },
    staging_partition: { image, next_to_boot: true },
  });
  expect(await world.entries()).toEqual(["orlop-a.conf", "orlop-b+1.conf"]);
  expect(await world.run(updater, "deactivate")).toMatchObject({ update_state: "Staged" });
  const { root } = testImage(40, 0);
  const written = await readFile(join(world.host.system.root, "dev/vda4"));
  expect(written.subarray(0, root.length).equals(root)).toBe(true);
});

test("before the first command there is no status, and afterwards it outlives the daemon", async () => {
  await using world = await updaterWorld("1.1.0");
  const updater = await world.start();
  await expect(updater.status()).rejects.toMatchObject({ code: "no-update-status" });
  const before = await world.run(updater, "refresh", "prepare");
  expect(await (await world.start()).status()).toEqual(before);
});

test("a command that the daemon did not survive has failed, and a new one does it", async () => {
  await using world = await updaterWorld("1.1.0");
  const killed = await world.start();
  const before = await world.run(killed, "refresh");
  const { promise: never, reject } = Promise.withResolvers<void>();
  never.catch(() => undefined);
  world.partitions.ready = never;
  await killed.start("prepare");
  expect((await killed.status()).most_recent_command).toEqual(before.most_recent_command);

  const next = await world.start();
  const { most_recent_command: interrupted, update_state } = await next.status();
  expect(update_state).toBe("Available");
  expect(interrupted).toMatchObject({ cmd_type: "prepare", cmd_status: "Failed", exit_status: 1 });
  expect(interrupted.stderr).toContain("interrupted: the host's daemon ended before prepare was done");
  expect(Date.parse(interrupted.timestamp)).toBeGreaterThan(Date.parse(before.most_recent_command.timestamp));
  expect((await (await world.start()).status()).most_recent_command).toEqual(interrupted);

  delete world.partitions.ready;
  expect(await world.run(next, "prepare")).toMatchObject({
    update_state: "Staged",
    most_recent_command: { cmd_type: "prepare", cmd_status: "Success" },
  });
  reject(new Error("the process is gone"));
});

test("copies of metadata that a killed daemon left go with the next start", async () => {
  await using world = await updaterWorld("1.1.0");
  await world.host.write("/run/orlop/tuf-a1B2c3/root.json", "{}");
  await world.host.write("/run/orlop/configured", "");
  await world.start();
  expect(await readdir(join(world.host.system.root, "run/orlop"))).toEqual(["configured", "tuf.lock"]);
});

test("a daemon that is told to stop tells that it interrupted a command", async () => {
  await using world = await updaterWorld("1.1.0");
  const stopped = await world.start();
  await world.run(stopped, "refresh");
  const { promise: soon, reject } = Promise.withResolvers<void>();
  soon.catch(() => undefined); // it may not be waited for yet
  world.partitions.ready = soon;
  await stopped.start("prepare");
  const closing = stopped[Symbol.asyncDispose]();
  reject(new Error("aborted"));
  await closing;
  const { most_recent_command: last } = await (await world.start()).status();
  expect(last).toMatchObject({ cmd_type: "prepare", cmd_status: "Failed", exit_status: 1 });
  expect(last.stderr).toContain("interrupted");
});

test("how a command went is told while the daemon runs, also when the disk takes nothing more", async () => {
  await using world = await updaterWorld("1.1.0");
  const updater = await world.start();
  world.failingWrites.add("updates.json");
  expect((await world.run(updater, "refresh")).most_recent_command).toMatchObject({
    cmd_type: "refresh",
    cmd_status: "Failed",
    stderr: expect.stringContaining("EIO"),
  });
});

test("commands that the state does not allow are refused and change nothing", async () => {
  await using world = await updaterWorld("1.1.0");
  const updater = await world.start();
  for (const command of ["prepare", "activate", "deactivate"] as const) {
    await expect(updater.start(command)).rejects.toMatchObject({ code: "update-not-allowed" });
  }
  await world.run(updater, "refresh", "prepare", "activate");
  for (const command of ["prepare", "activate"] as const) {
    await expect(updater.start(command)).rejects.toMatchObject({ code: "update-not-allowed" });
  }
});

test("of two commands at once the second is refused", async () => {
  await using world = await updaterWorld("1.1.0");
  const updater = await world.start();
  const both = await Promise.allSettled([updater.start("refresh"), updater.start("refresh")]);
  expect(both.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
  await expect(updater.start("prepare")).rejects.toMatchObject({ code: "update-busy" });
  await updater.settled();
  await world.run(updater, "refresh");
});

test("a version is released or a command runs, never both: what the one writes is not undone by the other", async () => {
  await using world = await updaterWorld("1.1.0", "1.2.0");
  const held = ["1.1.0", "1.2.0"].map((version) => ({ version, at: new Date().toISOString(), reason: "it was ill" }));
  await world.host.write("/var/lib/orlop/updates.json", JSON.stringify({ available: [], held }));
  const updater = await world.start();
  const [released, started] = await Promise.allSettled([updater.release("1.1.0"), updater.start("refresh")]);
  expect([released.status, started.status]).toEqual(["fulfilled", "rejected"]);
  expect(started).toMatchObject({ reason: { code: "update-busy" } });
  expect(updater.held.map(({ version }) => version)).toEqual(["1.2.0"]);

  await updater.start("refresh");
  await expect(updater.release("1.2.0")).rejects.toMatchObject({ code: "update-busy" });
  await updater.settled();
  await updater.release("1.2.0");
  expect(updater.held).toEqual([]);
});

test("of those that look into the repository, each compares with what the one before has accepted", async () => {
  await using world = await updaterWorld("1.1.0");
  const updater = await world.start();
  await updater.start("refresh");
  await Promise.all([updater.explain(signal), updater.settled(), updater.explain(signal)]);
  expect(world.lookedAtOnce()).toBe(1);
});

test("what was chosen is what is written, though something newer was published since", async () => {
  await using world = await updaterWorld("1.1.0");
  const updater = await world.start();
  await world.run(updater, "refresh");
  await world.repository.publish("1.2.0", { artefacts: testImage(40, 9).artefacts });
  expect((await world.run(updater, "prepare")).staging_partition?.image.version).toBe("1.1.0");
});

test("what was chosen and then recalled is not written", async () => {
  await using world = await updaterWorld("1.0.0", "1.1.0");
  const updater = await world.start();
  await world.run(updater, "refresh");
  await changeManifest(await world.repository.open(), testMachines, world.repository.signing(), (manifest) =>
    recall(manifest, testMachines, "1.1.0"),
  );
  const status = await world.run(updater, "prepare");
  expect(status).toMatchObject({ update_state: "Available", most_recent_command: { cmd_status: "Failed" } });
  expect(status.most_recent_command.stderr).toContain("the repository allows at most 1.0.0");
  expect(await world.entries()).toEqual(["orlop-a.conf"]);
});

test("a broken download leaves an update that cannot boot, with the reason, and can be tried again", async () => {
  await using world = await updaterWorld("1.1.0");
  const updater = await world.start();
  await world.run(updater, "refresh", "prepare");
  const targets = join(world.repository.directory, "targets");
  const stored = (await readdir(targets)).find((name) => name.endsWith("1.1.0-root.zst")) ?? "";
  const whole = await readFile(join(targets, stored));
  await writeFile(join(targets, stored), Buffer.concat([whole.subarray(0, -1), Buffer.from("x")]));
  const status = await world.run(updater, "prepare");
  expect(status).toMatchObject({ update_state: "Available", most_recent_command: { cmd_status: "Failed" } });
  expect(await world.entries()).toEqual(["orlop-a.conf"]);
  await writeFile(join(targets, stored), whole);
  expect((await world.run(updater, "prepare")).update_state).toBe("Staged");
});

test("while the running version is on trial, the set it would go back to is not overwritten", async () => {
  await using world = await updaterWorld("1.1.0");
  const updater = await world.start();
  await world.run(updater, "refresh");
  const entries = join(world.host.system.root, "efi/loader/entries");
  const [proved, trying] = [join(entries, "orlop-a.conf"), join(entries, "orlop-a+0-1.conf")];
  await rename(proved, trying);
  await expect(updater.start("prepare")).rejects.toMatchObject({ code: "update-on-trial" });
  expect(await updater.lastUpdate()).toEqual({ stage: "on-trial", version: "1.0.0", missing: [] });
  await rename(trying, proved);
  expect(await updater.lastUpdate()).toBeUndefined();
});

test("a version that is made to boot is judged by what settings ask for up to its start, and by what failed before", async () => {
  await using world = await updaterWorld("1.1.0");
  const terms = async (): Promise<unknown> => {
    const kept = await readTerms(world.host.system, model, "1.1.0");
    return kept && { before: [...kept.before], probes: kept.health?.["http-probes"] };
  };
  const updater = await world.start();
  world.ailments.push({ message: "sysctl fails", known: ["reconciler sysctl: set kernel.a to 1"] });
  await updater.renewTerms();
  expect(await terms()).toBeUndefined();
  await world.run(updater, "refresh", "prepare", "activate");
  expect(await terms()).toEqual({ before: ["reconciler sysctl: set kernel.a to 1"], probes: [] });
  world.ailments.push(
    { message: "nothing is known about this", known: [] },
    { message: "ill", known: ["unit a.service"] },
  );
  world.settings["health"] = { "http-probes": ["http://127.0.0.1:8080/"] };
  await updater.renewTerms();
  expect(await terms()).toEqual({
    before: ["reconciler sysctl: set kernel.a to 1", "unit a.service"],
    probes: ["http://127.0.0.1:8080/"],
  });
});

test("without a repository, sets or boot entries the daemon starts, and says what is missing", async () => {
  await using world = await updaterWorld("1.1.0");
  delete world.settings["metadata-base-url"];
  const updater = await world.start();
  expect((await world.run(updater, "refresh")).most_recent_command.stderr).toContain("metadata-base-url is not set");
  await rename(join(world.host.system.root, "efi"), join(world.host.system.root, "gone"));
  await world.start();
  expect(world.host.logged.join("\n")).toContain("cannot tell whether this host went back");
});

test("a daemon that stops ends the command that runs, and tells so after its start", async () => {
  await using world = await updaterWorld("1.1.0");
  const updater = await world.start();
  await world.run(updater, "refresh");
  await updater.start("prepare");
  await updater[Symbol.asyncDispose]();
  const status = await (await world.start()).status();
  expect(status).toMatchObject({
    update_state: "Available",
    most_recent_command: { cmd_type: "prepare", cmd_status: "Failed" },
  });
});

const removesMotd: Migration = {
  version: "1.1.0",
  summary: "make settings.motd a number",
  steps: [{ do: "replace", key: "settings.motd", values: [["one", 1]] }],
};

test("an update whose migrations would fail here is refused before anything is written, naming the key", async () => {
  await using world = await updaterWorld();
  await world.repository.publish("1.1.0", { artefacts: testImage(40, 0).artefacts, migrations: [removesMotd] });
  world.values.set("settings.motd", "hi");
  const updater = await world.start();
  const status = await world.run(updater, "refresh", "prepare");
  expect(status).toMatchObject({ update_state: "Available", most_recent_command: { cmd_status: "Failed" } });
  expect(status.most_recent_command.stderr).toContain('settings.motd is "hi"');
  expect(await world.entries()).toEqual(["orlop-a.conf"]);
  world.values.set("settings.motd", "one");
  expect((await world.run(updater, "prepare")).update_state).toBe("Staged");
});

test("settings that changed since the image was written are tried again before it boots next", async () => {
  await using world = await updaterWorld();
  await world.repository.publish("1.1.0", { artefacts: testImage(40, 0).artefacts, migrations: [removesMotd] });
  const updater = await world.start();
  await world.run(updater, "refresh", "prepare");
  world.values.set("settings.motd", "hi");
  const status = await world.run(await world.start(), "activate");
  expect(status).toMatchObject({ update_state: "Staged", most_recent_command: { cmd_status: "Failed" } });
  world.values.delete("settings.motd");
  expect((await world.run(updater, "activate")).update_state).toBe("Ready");
});

test("every migration between the running version and the one to take is tried, whichever release brought it", async () => {
  await using world = await updaterWorld();
  const renames = (version: string, from: string, to: string): Migration => ({
    version,
    summary: `rename ${from}`,
    steps: [{ do: "rename", from, to }],
  });
  const [first, second] = [renames("1.1.0", "settings.a", "settings.b"), renames("1.2.0", "settings.b", "settings.c")];
  await world.repository.publish("1.1.0", { artefacts: testImage(40, 0).artefacts, migrations: [first] });
  await world.repository.publish("1.2.0", { artefacts: testImage(40, 3).artefacts, migrations: [first, second] });
  world.values.set("settings.a", 1).set("settings.c", 2);
  const status = await world.run(await world.start(), "refresh", "prepare");
  expect(status.most_recent_command.stderr).toContain("cannot take the place of settings.c, which is set");
});

test("a version by name is chosen when nothing holds it, though there is a newer one", async () => {
  await using world = await updaterWorld("1.1.0", "1.2.0");
  const updater = await world.start();
  await updater.start("refresh", "1.1.0");
  await updater.settled();
  expect((await updater.status()).chosen_update?.version).toBe("1.1.0");
  await updater.start("refresh", "0.9.0");
  await updater.settled();
  const { chosen_update, most_recent_command } = await updater.status();
  expect(chosen_update).toBeNull();
  expect(most_recent_command.stderr).toContain("cannot choose 0.9.0: the repository does not have it");
});

test("what is told of a host without asking anybody: its state, what it could go back to, what failed", async () => {
  await using world = await updaterWorld("1.1.0");
  const updater = await world.start();
  expect(await updater.outlook()).toEqual({
    state: { kind: "idle" },
    onTrial: false,
    fallback: undefined,
    working: undefined,
    failure: undefined,
    held: [],
  });
  await world.run(updater, "refresh", "prepare");
  expect(await updater.outlook()).toMatchObject({ state: { kind: "staged", staged: { version: "1.1.0" } } });
  await expect(updater.goBack()).rejects.toThrow("cannot go back to set B: it never proved healthy, or is empty");
  const staged = (await world.entries()).find((name) => name.startsWith("orlop-b")) ?? "";
  const entries = join(world.host.system.root, "efi/loader/entries");
  await rename(join(entries, staged), join(entries, entryName({ set: "b", standing: { kind: "successful" } })));
  expect((await updater.outlook()).fallback).toBe("1.1.0");
  await updater.goBack();
  expect((await updater.outlook()).fallback).toBe("1.1.0");
  expect((await updater.status()).active_partition?.next_to_boot).toBe(false);
});
