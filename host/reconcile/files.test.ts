import { expect, test } from "bun:test";
import { chmod, mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { Failure } from "../../lib/failure.ts";
import { removeIfPresent } from "../../lib/files/files.ts";
import { factsOf, settingsOf } from "../../test/worlds/host/settings.ts";
import { testSystem } from "../../test/worlds/host/system.ts";
import { runSystemd } from "../../test/worlds/host/systemd.ts";
import { configFile, serviceManager, type ConfigFiles } from "../files/config-file.ts";
import { filesReconciler } from "./files.ts";

const facts = factsOf();
const settings = (motd = "hello") => settingsOf({ motd });
/** A daemon with one file, which holds the motd. */
const daemon = configFile({
  path: "/etc/daemon.conf",
  mode: 0o600,
  restart: ["daemon.service"],
  render: ({ motd }) => (motd === "" ? undefined : `motd ${motd}\n`),
});

test("a file that is not there is written with its mode, then all is at rest", async () => {
  await using host = await testSystem();
  runSystemd(host);
  const files = filesReconciler([daemon]);
  const { effects } = await files.reconcile(host.system, settings(), facts);
  expect(effects).toEqual([
    { description: "create /etc/daemon.conf", file: { path: "/etc/daemon.conf", change: "create" } },
  ]);
  expect(await host.read("/etc/daemon.conf")).toBe("motd hello\n");
  expect((await stat(join(host.system.root, "etc/daemon.conf"))).mode & 0o777).toBe(0o600);
  expect((await files.reconcile(host.system, settings(), facts)).steps).toBe(0);
});

test("what a killed daemon left of a file goes when the file is written", async () => {
  await using host = await testSystem();
  runSystemd(host);
  await host.write("/etc/.daemon.conf.0123456789ab", "motd h");
  await filesReconciler([daemon]).reconcile(host.system, settings(), facts);
  expect(await host.readIfPresent("/etc/.daemon.conf.0123456789ab")).toBeUndefined();
});

test("a changed file restarts the unit that runs, and a preview says so before", async () => {
  await using host = await testSystem();
  const units = runSystemd(host, { "daemon.service": "inactive" });
  const files = filesReconciler([daemon]);
  await files.reconcile(host.system, settings(), facts);
  units.set("daemon.service", { state: "active", started: 1, reloaded: 0 });
  const before = [...host.ran];
  const { effects } = await files.preview(host.system, settings("new"), facts);
  expect(effects).toEqual([
    { description: "change /etc/daemon.conf", file: { path: "/etc/daemon.conf", change: "modify" } },
    { description: "restart daemon.service", units: [{ name: "daemon.service", action: "restart" }] },
  ]);
  expect(host.ran.slice(before.length).filter((line) => !line.startsWith("systemctl show"))).toEqual([]);
  expect(await host.read("/etc/daemon.conf")).toBe("motd hello\n");
  expect((await files.reconcile(host.system, settings("new"), facts)).effects).toEqual(effects);
  expect(units.get("daemon.service")?.started).toBe(2);
  expect((await files.reconcile(host.system, settings("new"), facts)).steps).toBe(0);
});

test("a unit that does not run is not started", async () => {
  await using host = await testSystem();
  const units = runSystemd(host, { "daemon.service": "inactive" });
  const files = filesReconciler([daemon]);
  await files.reconcile(host.system, settings("one"), facts);
  await files.reconcile(host.system, settings("two"), facts);
  expect(units.get("daemon.service")?.started).toBe(0);
  expect(await host.read("/etc/daemon.conf")).toBe("motd two\n");
});

test("a unit that failed gets another chance with its new configuration", async () => {
  await using host = await testSystem();
  const units = runSystemd(host, { "daemon.service": "failed" });
  await filesReconciler([daemon]).reconcile(host.system, settings(), facts);
  expect(units.get("daemon.service")?.state).toBe("active");
});

test("a unit that started with the files as they are is not restarted", async () => {
  await using host = await testSystem();
  const units = runSystemd(host, { "daemon.service": "active" });
  await host.write("/etc/daemon.conf", "motd hello\n");
  await chmod(join(host.system.root, "etc/daemon.conf"), 0o600);
  const files = filesReconciler([daemon]);
  expect((await files.reconcile(host.system, settings(), facts)).effects).toEqual([]);
  expect(units.get("daemon.service")?.started).toBe(0);
  expect((await files.reconcile(host.system, settings(), facts)).steps).toBe(0);
});

test("a daemon that dies between the write and the restart restarts the unit when it comes back", async () => {
  await using host = await testSystem();
  const units = runSystemd(host, { "daemon.service": "active" });
  const systemctl = host.programs.get("systemctl");
  host.programs.set("systemctl", (argv, limits) => {
    if (argv[1] === "restart") throw new Error("killed");
    return systemctl?.(argv, limits) ?? "";
  });
  const files = filesReconciler([daemon]);
  const died = await files.reconcile(host.system, settings(), facts);
  expect(died.setbacks.map(({ error }) => error)).toEqual([new Error("killed")]);
  expect(await host.read("/etc/daemon.conf")).toBe("motd hello\n");
  host.programs.set("systemctl", (argv, limits) => systemctl?.(argv, limits) ?? "");
  expect((await files.reconcile(host.system, settings(), facts)).effects).toEqual([
    { description: "restart daemon.service", units: [{ name: "daemon.service", action: "restart" }] },
  ]);
  expect(units.get("daemon.service")?.started).toBe(1);
});

test("a unit that does not come up is a failure with its result and its journal, and is tried again", async () => {
  await using host = await testSystem();
  const units = runSystemd(host, { "daemon.service": "active" });
  units.set("daemon.service", {
    state: "active",
    started: 0,
    reloaded: 0,
    breaks: { result: "exit-code", journal: "bad motd" },
  });
  const files = filesReconciler([daemon]);
  const failure = (await files.reconcile(host.system, settings(), facts)).setbacks[0]?.error;
  expect(failure).toMatchObject({ code: "unit-failed", unit: "daemon.service", journal: "bad motd" });
  expect(failure).toHaveProperty("message", "cannot restart daemon.service: exit-code");
  expect((await files.reconcile(host.system, settings(), facts)).setbacks).toHaveLength(1);
  units.set("daemon.service", { state: "failed", started: 2, reloaded: 0 });
  expect((await files.reconcile(host.system, settings(), facts)).setbacks).toEqual([]);
  expect((await files.reconcile(host.system, settings(), facts)).steps).toBe(0);
});

test("a file that drifted is written back without a restart: the unit never read the drift", async () => {
  await using host = await testSystem();
  const units = runSystemd(host, { "daemon.service": "active" });
  const files = filesReconciler([daemon]);
  await files.reconcile(host.system, settings(), facts);
  await host.write("/etc/daemon.conf", "drift");
  await files.reconcile(host.system, settings(), facts);
  expect(await host.read("/etc/daemon.conf")).toBe("motd hello\n");
  expect(units.get("daemon.service")?.started).toBe(1);
});

test("a file that is no longer rendered is removed and its unit restarted; a file of somebody else stays", async () => {
  await using host = await testSystem();
  const units = runSystemd(host, { "daemon.service": "active" });
  const files = filesReconciler([daemon]);
  await host.write("/etc/other.conf", "theirs");
  await files.reconcile(host.system, settings(), facts);
  const { effects } = await files.reconcile(host.system, settings(""), facts);
  expect(effects.map(({ description }) => description)).toEqual(["remove /etc/daemon.conf", "restart daemon.service"]);
  expect(await host.readIfPresent("/etc/daemon.conf")).toBeUndefined();
  expect(await host.read("/etc/other.conf")).toBe("theirs");
  expect(units.get("daemon.service")?.started).toBe(2);
  await host.write("/etc/daemon.conf", "theirs now");
  expect((await files.reconcile(host.system, settings(""), facts)).steps).toBe(0);
});

test("a unit that can reload is reloaded, unless another of its files needs a restart", async () => {
  await using host = await testSystem();
  const units = runSystemd(host, { "daemon.service": "active" });
  const table = configFile({ path: "/etc/table", reload: ["daemon.service"], render: ({ motd }) => motd });
  const constant = configFile({ path: "/etc/constant", restart: ["daemon.service"], render: () => "x" });
  const files = filesReconciler([table, constant]);
  await files.reconcile(host.system, settings(), facts);
  expect(units.get("daemon.service")).toMatchObject({ started: 1, reloaded: 0 });
  await files.reconcile(host.system, settings("new"), facts);
  expect(units.get("daemon.service")).toMatchObject({ started: 1, reloaded: 1 });
});

test("the service manager reads a changed drop-in before the unit is restarted", async () => {
  await using host = await testSystem();
  runSystemd(host, { "daemon.service": "active" });
  const dropIn = configFile({
    path: "/etc/systemd/system/daemon.service.d/orlop.conf",
    restart: ["daemon.service"],
    reload: [serviceManager],
    render: () => "[Service]\n",
  });
  await filesReconciler([daemon, dropIn]).reconcile(host.system, settings(), facts);
  expect(host.ran.filter((line) => !line.startsWith("systemctl show"))).toEqual([
    "systemctl daemon-reload",
    "systemctl restart daemon.service",
  ]);
});

test("files that cannot be rendered keep what they have, their units are left alone, and the others are written", async () => {
  await using host = await testSystem();
  const units = runSystemd(host, { "daemon.service": "active" });
  let isBroken = false;
  const fragile: ConfigFiles = {
    name: "fragile",
    restart: ["daemon.service"],
    reload: [],
    render: () => {
      if (isBroken) throw new Failure("bad-settings", "cannot render fragile: it makes no sense");
      return [{ path: "/etc/fragile", mode: 0o644, content: "ok" }];
    },
  };
  const files = filesReconciler([fragile, daemon]);
  await files.reconcile(host.system, settings(), facts);
  isBroken = true;
  const { effects, setbacks } = await files.reconcile(host.system, settings("new"), facts);
  expect(effects.map(({ description }) => description)).toEqual(["change /etc/daemon.conf"]);
  expect(setbacks.map(({ error }) => error)).toEqual([
    new Failure("bad-settings", "cannot render fragile: it makes no sense"),
  ]);
  expect(await host.read("/etc/fragile")).toBe("ok");
  expect(units.get("daemon.service")?.started).toBe(1);
  isBroken = false;
  await files.reconcile(host.system, settings("new"), facts);
  expect(units.get("daemon.service")?.started).toBe(2);
});

test("one file that cannot be written does not keep the others from being written", async () => {
  await using host = await testSystem();
  runSystemd(host);
  await mkdir(join(host.system.root, "etc"), { recursive: true });
  await host.write("/etc/blocked", "a file where a directory is needed");
  const blocked = configFile({ path: "/etc/blocked/file", render: () => "x" });
  const files = filesReconciler([blocked, daemon]);
  const { setbacks } = await files.reconcile(host.system, settings(), facts);
  expect(setbacks).toHaveLength(1);
  expect(await host.read("/etc/daemon.conf")).toBe("motd hello\n");
  await removeIfPresent(join(host.system.root, "etc/blocked"));
  expect((await files.reconcile(host.system, settings(), facts)).setbacks).toEqual([]);
});

test("no unit is asked about when nothing changed", async () => {
  await using host = await testSystem();
  runSystemd(host, { "daemon.service": "active" });
  const files = filesReconciler([daemon]);
  await files.reconcile(host.system, settings(), facts);
  const before = host.ran.length;
  await files.reconcile(host.system, settings(), facts);
  expect(host.ran.length).toBe(before);
});

test("a group that cannot be rendered fails as before only while what it reads, and what waits for it, is the same", async () => {
  await using host = await testSystem();
  runSystemd(host);
  const fragile = configFile({
    path: "/etc/fragile",
    restart: ["daemon.service"],
    render: ({ network }) => {
      if (network.hostname !== "right") throw new Failure("bad-settings", "cannot render fragile");
      return "ok";
    },
  });
  const files = filesReconciler([fragile, daemon]);
  const wanted = async (motd: string, hostname: string, seed: number) => {
    const { setbacks } = await files.reconcile(
      host.system,
      settingsOf({ motd, network: { hostname }, updates: { seed } }),
      facts,
    );
    expect(setbacks.map(({ undone }) => undone)).toEqual([["leave /etc/fragile as it is"]]);
    return setbacks[0]?.wanted;
  };
  const before = await wanted("one", "wrong", 1);
  expect(Bun.deepEquals(await wanted("one", "wrong", 2), before)).toBe(true);
  expect(Bun.deepEquals(await wanted("one", "wrong-too", 1), before)).toBe(false);
  // The unit that both are for is left alone, so this change does not take effect either.
  expect(Bun.deepEquals(await wanted("two", "wrong", 1), before)).toBe(false);
});
