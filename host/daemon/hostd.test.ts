import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { access, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "bun:test";
import { connect } from "../../api/client/client.ts";
import { eventually } from "../../test/eventually.ts";
import { writePartitionSets } from "../../test/worlds/update/partition-sets.ts";
import { runningHost, type RunningHost } from "../../test/worlds/host/running-host.ts";
import { kept } from "../kept/things.ts";
import { entryName, entryText } from "../update/boot/boot-entry.ts";

const main = join(import.meta.dir, "../main.ts");

function startDaemon(...words: string[]): {
  child: ChildProcess;
  exitCode: Promise<number | null>;
  stderr: () => string;
} {
  const child = spawn(process.execPath, [main, "hostd", ...words], { stdio: ["ignore", "ignore", "pipe"] });
  let text = "";
  child.stderr?.on("data", (chunk: Buffer) => void (text += chunk.toString()));
  const exitCode = once(child, "close").then(() => child.exitCode);
  return { child, exitCode, stderr: () => text };
}

test("on a developer's machine, an empty directory stands for the host, and SIGTERM ends it in order", async () => {
  const directory = await mkdtemp(join(tmpdir(), "orlop-hostd-"));
  const [root, socket] = [join(directory, "root"), join(directory, "api.sock")];
  const { child, exitCode, stderr } = startDaemon("--root", root, "--socket", socket);
  try {
    const api = connect({ socket });
    const untilMs = performance.now() + 15_000;
    while ((await api.call("getOs").catch(() => undefined)) === undefined && performance.now() < untilMs)
      await Bun.sleep(20);
    expect(await api.call("getOs")).toMatchObject({ variant_id: "dev", build_id: "development" });
    await api.call("patchSettings", { body: { motd: "hi" } });
    expect(await api.call("commit")).toEqual(["settings.motd"]);
  } finally {
    child.kill("SIGTERM");
  }
  expect([await exitCode, stderr()]).toEqual([0, expect.stringContaining("api: listening on")]);
  await expect(access(socket)).rejects.toMatchObject({ code: "ENOENT" });
  await rm(directory, { recursive: true });
}, 30_000);

test("a wrong option is a usage error", async () => {
  const { exitCode, stderr } = startDaemon("--rot", "/tmp");
  expect([await exitCode, stderr()]).toEqual([2, expect.stringContaining("--rot")]);
});

test("a daemon that cannot listen says so and fails, so that it is started again", async () => {
  const root = await mkdtemp(join(tmpdir(), "orlop-hostd-"));
  const { exitCode, stderr } = startDaemon("--root", root, "--socket", join("/dev/null", "api.sock"));
  expect([await exitCode, stderr()]).toEqual([1, expect.stringContaining("cannot listen on /dev/null/api.sock")]);
  await rm(root, { recursive: true });
});

test("a generated setting that somebody deletes is found anew at once, and undo gives the old value back", async () => {
  await using host = await runningHost();
  const seed = async (): Promise<unknown> => {
    const { updates } = await host.api.call("getSettings", { query: { prefix: "settings.updates.seed" } });
    return Object(updates).seed;
  };
  expect(await seed()).toBe(7);
  await host.api.call("deleteSettings", { query: { keys: ["settings.updates.seed"] } });
  await host.api.commitAndWait({});
  await eventually(async () => expect(await seed()).toBeNumber());
  const [newest, deletion] = await host.api.call("getHistory", { query: { limit: 2 } });
  expect(newest).toMatchObject({ by: { kind: "host", part: "generators" }, says: "generate settings.updates.seed" });
  // More than a page of the history, between the two.
  for (let number = 0; number < 120; number++) {
    await host.api.call("patchSettings", { body: { motd: String(number) } });
    await host.api.call("commit", {});
  }
  await host.api.call("undo", {
    query: { version: deletion !== undefined && "version" in deletion ? deletion.version : 0 },
  });
  expect(await seed()).toBe(7);
});

/** The boot is noted once everything else is done, when the API has long been answering. */
async function expectGoodBoot({ api }: RunningHost, version: number): Promise<void> {
  await eventually(async () => expect((await api.call("getStatus")).settings.lastGoodBoot?.version).toBe(version));
}

async function statusAfter(host: RunningHost, userData: string) {
  await host.machine.write("/var/lib/orlop/user-data.toml", userData);
  await rm(join(host.machine.system.root, "var/lib/orlop/user-data.read"), { force: true });
  await host.reboot();
  return host.api.call("getStatus");
}

test("the boot that went well is noted, once, with the settings it came up with", async () => {
  await using host = await runningHost();
  await expectGoodBoot(host, 1);
  await host.api.call("patchSettings", { body: { motd: "later" } });
  await host.api.commitAndWait({});
  await host.restart();
  await Bun.sleep(200);
  await expectGoodBoot(host, 1);
  await host.reboot();
  await expectGoodBoot(host, 2);
});

test("wrong user data does not keep the host from booting: the problem is told with its place", async () => {
  await using host = await runningHost();
  await expectGoodBoot(host, 1);
  const status = await statusAfter(host, '[settings]\nmotd = "hi"\nmtod = 1\n');
  expect(status.state).toBe("degraded");
  expect(status.userData.problems).toMatchObject([{ key: "settings.mtod", line: 3 }]);
  expect(status.boot[2]).toMatchObject({ state: "failed" });
  expect(status.settings.lastGoodBoot?.version).toBe(1);
});

test("a unit that does not start makes the host degraded, and the boot is not called good", async () => {
  await using host = await runningHost();
  await expectGoodBoot(host, 1);
  await host.api.call("patchSettings", { body: { ntp: { "time-servers": ["other.example.org"] } } });
  await host.api.call("commit");
  await host.stop();
  const chrony = host.units.get("chrony.service");
  if (chrony !== undefined) chrony.breaks = { result: "exit-code", journal: "no such server" };
  await host.reboot();
  const status = await host.api.call("getStatus");
  expect(status.state).toBe("degraded");
  expect(status.reconcilers.find(({ name }) => name === "files")?.failure).toMatchObject({
    unit: "chrony.service",
    journal: "no such server",
  });
  expect(status.settings.lastGoodBoot?.version).toBe(1);
});

test("settings that were never committed are forgotten when the daemon restarts", async () => {
  await using host = await runningHost();
  await host.api.call("patchSettings", { query: { tx: "lost" }, body: { motd: "never" } });
  expect(await host.api.call("listTransactions")).toEqual(["lost"]);
  await host.restart();
  expect(await host.api.call("listTransactions")).toEqual([]);
});

test("an update that is ready is promised what failed on this host up to its start, also by a daemon that was restarted", async () => {
  await using host = await runningHost();
  await writePartitionSets(host.machine, "a", "0.1.0");
  const ready = { set: "b", priority: 2, standing: { kind: "trying", left: 1, done: 0 }, version: "0.2.0" } as const;
  await host.machine.write(`/efi/loader/entries/${entryName(ready)}`, entryText(ready));
  const terms = async () => await kept.updateTerms.read(host.machine.system);
  const chrony = host.units.get("chrony.service");
  if (chrony === undefined) throw new Error("this machine has no chrony.service");
  chrony.breaks = { result: "exit-code", journal: "Could not parse directive" };
  await host.api.call("patchSettings", {
    body: { ntp: { "time-servers": ["10.9.9.9"] }, updates: { health: { "timeout-seconds": 30 } } },
  });
  await host.api.commitAndWait({});
  const failing = { version: "0.2.0", before: expect.arrayContaining(["reconciler files: chrony.service"]) };
  await eventually(async () => expect(await terms()).toMatchObject(failing));
  expect(await terms()).toMatchObject({ health: { "timeout-seconds": 30 } });

  await host.machine.write("/var/lib/orlop/update-terms.json", "{}");
  await host.restart();
  await eventually(async () => expect(await terms()).toMatchObject(failing));
}, 30_000);
