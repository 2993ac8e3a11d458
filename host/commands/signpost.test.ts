import { expect, test } from "bun:test";
import { mkdir, readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { invoke, type CommandOutcome } from "../../lib/command/command-line.ts";
import { writePartitionSets } from "../../test/worlds/update/partition-sets.ts";
import { testSystem, type TestSystem } from "../../test/worlds/host/system.ts";
import { Datastore } from "../datastore/datastore.ts";
import { directoryDisk } from "../datastore/log/disk.ts";
import { logs } from "../kept/things.ts";
import { hostPath } from "../machine/system.ts";
import { signpost } from "./signpost.ts";

async function makeWorld(): Promise<
  AsyncDisposable & { host: TestSystem; run(...words: string[]): Promise<CommandOutcome>; entries(): Promise<string[]> }
> {
  const host = await testSystem();
  await writePartitionSets(host, "a", "1.0.0");
  await host.write("/efi/EFI/orlop/b.efi", "kernel");
  return {
    host,
    run: async (...words) => await invoke(signpost(host.system), words),
    entries: async () => (await readdir(join(host.system.root, "efi/loader/entries"))).toSorted(),
    [Symbol.asyncDispose]: () => host[Symbol.asyncDispose](),
  };
}

test("a set is marked valid, chosen, taken back and forgotten by the words of Bottlerocket", async () => {
  await using world = await makeWorld();
  await world.run("mark-inactive-valid", "1.1.0", "--tries", "2");
  expect(await world.entries()).toEqual(["orlop-a.conf", "orlop-b.staged"]);
  await world.run("upgrade-to-inactive");
  expect(await world.entries()).toEqual(["orlop-a.conf", "orlop-b+2.conf"]);
  expect((await world.run("status")).stdout).toContain("Next:    Set B");
  await world.run("cancel-upgrade");
  expect((await world.run("status")).stdout).toContain("Next:    Set A");
  await world.run("clear-inactive");
  expect(await world.entries()).toEqual(["orlop-a.conf"]);
});

test("what cannot be done is refused with the reason and exit code 1", async () => {
  await using world = await makeWorld();
  const refused: [string[], number, string][] = [
    [["upgrade-to-inactive"], 1, "no verified update is on it"],
    [["cancel-upgrade"], 1, "not on trial"],
    [["rollback-to-inactive"], 1, "it never proved healthy, or is empty"],
    [["give-up", "why"], 1, "it is not on trial"],
    [["mark-inactive-valid", "1.1.0", "--tries", "0"], 2, "a number from 1 to 10"],
  ];
  for (const [words, code, message] of refused) {
    const { exitCode, stderr } = await world.run(...words);
    expect([words[0], exitCode, stderr]).toEqual([words[0], code, expect.stringContaining(message)]);
  }
  expect(await world.entries()).toEqual(["orlop-a.conf"]);
});

test("a set on trial can be marked successful, or given up with a reason", async () => {
  await using world = await makeWorld();
  const entries = join(world.host.system.root, "efi/loader/entries");
  await rename(join(entries, "orlop-a.conf"), join(entries, "orlop-a+0-1.conf"));
  expect((await world.run("has-boot-ever-succeeded")).stdout).toBe("");
  expect((await world.run("give-up", "no file systems")).exitCode).toBe(0);
  expect(await world.host.read("/var/lib/orlop/update-failure.json")).toContain("no file systems");
  await world.run("mark-successful-boot");
  expect(await world.entries()).toEqual(["orlop-a.conf"]);
  expect((await world.run("has-boot-ever-succeeded")).stdout).toBe("true\n");
});

const osRelease = "VARIANT_ID=dev\nVERSION_ID=1.0.0\nBUILD_ID=0\nPRETTY_NAME=Orlop\n";

test("a set on trial whose daemon never answers is judged by what the disk says that settings ask for", async () => {
  await using world = await makeWorld();
  const { system } = world.host;
  const entries = join(system.root, "efi/loader/entries");
  await rename(join(entries, "orlop-a.conf"), join(entries, "orlop-a+0-1.conf"));
  await mkdir(join(system.root, "local"));
  await world.host.write("/usr/lib/os-release", osRelease);
  world.host.programs.set("systemctl", () => "activating\n");
  world.host.programs.set("journalctl", () => "");
  {
    const disk = directoryDisk(system.storage, hostPath(system, logs.settings.path));
    await using datastore = await Datastore.open(disk, { image: "1.0.0", clock: system.clock });
    datastore.stage("default", new Map([["settings.updates.health.timeout-seconds", 20]]));
    await datastore.commit("default", { kind: "socket", uid: 0 }, "set");
  }
  const { stderr, exitCode } = await world.run("mark-successful-boot", "--when-healthy");
  expect([exitCode, stderr]).toEqual([
    1,
    expect.stringContaining("not healthy after 20 s: hostd.service is activating"),
  ]);
});

test("a reason is left also when the boot entries cannot be read", async () => {
  await using world = await makeWorld();
  await world.host.write("/usr/lib/os-release", osRelease);
  await rename(join(world.host.system.root, "efi"), join(world.host.system.root, "gone"));
  expect(await world.run("give-up", "emergency mode was reached")).toMatchObject({ exitCode: 0 });
  expect(JSON.parse(await world.host.read("/var/lib/orlop/update-failure.json"))).toMatchObject({
    version: "1.0.0",
    reason: "emergency mode was reached",
  });
});

test("a gate that ended before it had judged leaves a word, and never takes the place of a reason", async () => {
  await using world = await makeWorld();
  const left = async (): Promise<unknown> =>
    JSON.parse((await world.host.readIfPresent("/var/lib/orlop/update-failure.json")) ?? "null");
  await world.host.write("/usr/lib/os-release", osRelease);
  expect(await world.run("gate-ended", "success", "exited", "0")).toMatchObject({ exitCode: 0 });
  expect(await left()).toBeNull();
  await world.run("gate-ended", "signal", "killed", "KILL");
  const word = "the health gate ended before it had judged: signal (killed KILL)";
  expect(await left()).toMatchObject({ version: "1.0.0", reason: word });
  await world.run("gate-ended", "timeout");
  expect(await left()).toMatchObject({ reason: word });
});

test("a version made to boot by hand is judged by everything: terms of an earlier try are forgotten", async () => {
  await using world = await makeWorld();
  const terms = "/var/lib/orlop/update-terms.json";
  await world.host.write(terms, "{}");
  await world.run("mark-inactive-valid", "1.1.0");
  await world.run("upgrade-to-inactive");
  expect(await world.host.readIfPresent(terms)).toBeUndefined();
});

test("on a host without sets every command says so", async () => {
  await using host = await testSystem();
  const { exitCode, stderr } = await invoke(signpost(host.system), ["status"]);
  expect([exitCode, stderr]).toEqual([1, expect.stringContaining("cannot tell the partition sets")]);
});
