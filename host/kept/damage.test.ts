/** Protects: whatever lies on the private partition, the API answers and tells what is set aside and what that means. */
import { expect, test } from "bun:test";
import { mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { realStorage } from "../machine/storage.ts";
import { eventually } from "../../test/eventually.ts";
import { runningHost, type RunningHost } from "../../test/worlds/host/running-host.ts";
import { writeLine } from "../datastore/log/line.ts";
import { openAudit } from "../daemon/stores.ts";
import { kept, keptPlaces, logs, placed } from "./things.ts";

/** Written by another program, which looks after it. */
const { updateFailure: _, ...ofDaemon } = kept;
const files = Object.values(ofDaemon).map(({ path }) => path);

/** Marks, whose presence counts, and whatever else is understood as any text. */
const anyText = ["/var/lib/orlop/rebooted-for", "/var/lib/orlop/user-data.read"];

async function lay(host: RunningHost, path: string, damage: string): Promise<void> {
  const real = join(host.machine.system.root, path);
  await rm(real, { recursive: true, force: true });
  await mkdir(dirname(real), { recursive: true });
  if (damage === "a directory") await host.machine.write(`${path}/inside`, "x");
  else await host.machine.write(path, damage, "latin1");
}

const effectOf = (path: string): string => keptPlaces.find((each) => each.path === path)?.whenLost ?? "";

test.each([
  ["an empty file", ""],
  ["a file cut short", '{"version": 3, "revertsTo"'],
  ["bytes of any kind", "\u0000\u00ff\u0007\u0080"],
  ["another shape, as of a newer version", '{"format": 99, "of": ["a", "newer", "version"]}'],
  ["a directory", "a directory"],
])("%s in place of each thing that is kept: the API answers, and the status tells", async (_, damage) => {
  await using host = await runningHost();
  await host.stop();
  for (const path of files) await lay(host, path, damage);
  await host.restart();
  const { setAside = [], state } = await host.api.call("getStatus");
  const reported = damage === "a directory" ? files : files.filter((path) => !anyText.includes(path));
  expect(setAside.map(({ path }) => path).toSorted()).toEqual(reported.toSorted());
  for (const { path, movedTo, effect } of setAside) {
    expect(effect).toBe(effectOf(path));
    expect(movedTo).toBe(`${path}.damaged-2026-01-01T00:00:00Z`);
  }
  expect(state).toBe("running");
  await host.api.call("patchSettings", { body: { motd: "still settable" } });
  expect((await host.api.commitAndWait({})).changed).toEqual(["settings.motd"]);
  // It is told until somebody takes it away.
  await host.reboot();
  expect((await host.api.call("getStatus")).setAside).toEqual(setAside);
});

test("a file in place of a directory in which things are kept is set aside", async () => {
  await using host = await runningHost();
  await host.stop();
  for (const directory of ["/var/lib/orlop/api", "/var/lib/orlop/tuf"]) await lay(host, directory, "x");
  await host.restart();
  const { setAside = [] } = await host.api.call("getStatus");
  expect(setAside.map(({ path }) => path).toSorted()).toEqual(["/var/lib/orlop/api", "/var/lib/orlop/tuf"]);
});

test("a file in place of the audit is set aside; it begins anew", async () => {
  await using host = await runningHost();
  await host.stop();
  await lay(host, logs.audit.path, "x");
  await host.restart();
  expect((await host.api.call("getStatus")).setAside).toMatchObject([{ path: logs.audit.path }]);
});

test("an audit that the disk does not give at all is told, and no program runs unnoted", async () => {
  const storage = {
    ...realStorage,
    list: async (directory: string) => {
      if (directory.endsWith("/audit")) throw Object.assign(new Error("EIO: disk"), { code: "EIO" });
      return await realStorage.list(directory);
    },
  };
  await using host = await runningHost({ storage });
  const { unknown } = await host.api.call("getStatus");
  expect(unknown).toEqual([expect.stringContaining(`cannot use what is kept in ${logs.audit.path}`)]);
  const { opened: audit } = await openAudit(host.machine.system, { image: "0.1.0", clock: host.machine.system.clock });
  const running = audit.executed({ kind: "socket", uid: 0 }, { container: "admin", command: ["ls"], terminal: false });
  await expect(running).rejects.toMatchObject({ code: "kept-unusable" });
});

/** The first line of a segment as a later image would write it. */
const newer = writeLine("", JSON.stringify({ format: 99, whatever: "a later image needs" })).bytes.toString();

test("an audit of a newer version is set aside: programs can be run in host containers all the same", async () => {
  await using host = await runningHost();
  await host.stop();
  await lay(host, `${logs.audit.path}/segment-0000000099`, newer);
  await host.restart();
  const { setAside } = await host.api.call("getStatus");
  expect(setAside).toMatchObject([{ path: logs.audit.path, effect: logs.audit.whenLost }]);
});

test("settings of a newer version stay as they are, and so does the machine: the API tells why", async () => {
  await using host = await runningHost();
  await host.api.call("patchSettings", { body: { motd: "before" } });
  await host.api.commitAndWait({});
  await host.stop();
  await lay(host, `${logs.settings.path}/segment-0000000099`, newer);
  await host.reboot();
  const status = await host.api.call("getStatus");
  expect(status).toMatchObject({ state: "degraded", boot: [{ step: "open the settings", state: "failed" }] });
  expect(status.halted).toContain("cannot use what is kept in /var/lib/orlop/datastore");
  expect(status.halted).toContain("has format 99, this image reads up to 1");
  expect(status.setAside).toBeUndefined();
  const unusable = { code: "kept-unusable", status: 503 };
  await expect(host.api.call("getSettings")).rejects.toMatchObject(unusable);
  await host.api.call("patchSettings", { body: { motd: "after" } });
  await expect(host.api.call("commit")).rejects.toMatchObject(unusable);
  expect(await host.machine.readIfPresent("/etc/motd")).toBeUndefined();
  expect(await host.machine.read(`${logs.settings.path}/segment-0000000099`)).toBe(newer);
});

test("a disk that does not give the settings is asked again, and then the daemon begins anew", async () => {
  let refuses = false;
  const storage = {
    ...realStorage,
    list: async (directory: string) => {
      if (refuses && directory.endsWith("/datastore")) throw Object.assign(new Error("EIO: disk"), { code: "EIO" });
      return await realStorage.list(directory);
    },
  };
  await using host = await runningHost({ storage });
  await host.stop();
  refuses = true;
  await host.restart();
  expect((await host.api.call("getStatus")).halted).toContain("EIO");
  await host.machine.advance(60_000);
  expect((await host.api.call("getStatus")).halted).toContain("EIO");
  refuses = false;
  await eventually(async () => {
    await host.machine.advance(60_000);
    await expect(host.api.call("getStatus")).rejects.toMatchObject({ code: "cannot-connect" });
  });
  await host.restart();
  expect((await host.api.call("getStatus")).halted).toBeUndefined();
});

test("a file in place of the settings is set aside, and they are those of user data", async () => {
  await using host = await runningHost();
  await host.stop();
  await lay(host, logs.settings.path, "x");
  await host.restart();
  expect((await host.api.call("getStatus")).setAside).toMatchObject([{ path: logs.settings.path }]);
  expect(await host.api.call("getSettings")).toMatchObject({ network: { hostname: "test-host" } });
  await host.api.call("patchSettings", { body: { motd: "again" } });
  expect((await host.api.commitAndWait({})).changed).toEqual(["settings.motd"]);
});

test("a directory in place of net.toml is told where links are configured, and nothing else waits for it", async () => {
  await using host = await runningHost();
  await host.stop();
  await lay(host, placed.network, "a directory");
  await host.restart();
  const { reconcilers } = await host.api.call("getStatus");
  const failures = reconcilers.flatMap(({ failure }) => failure?.message ?? []);
  expect(failures).toEqual([expect.stringContaining(`cannot configure the network from ${placed.network}: EISDIR`)]);
});
