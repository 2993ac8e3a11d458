/** Against the real daemon and its API; units and programs are those of a test machine. */
import { expect, test } from "bun:test";
import type { JsonObject } from "../../lib/text/json.ts";
import { modelFor } from "../../settings/model/model.ts";
import { eventually } from "../../test/eventually.ts";
import { runningHost, type RunningHost } from "../../test/worlds/host/running-host.ts";
import { factsOf } from "../../test/worlds/host/settings.ts";
import { exits } from "../../test/worlds/host/system.ts";
import { bootstrap, type BootstrapOutcome } from "./bootstrap.ts";
import { recordPath } from "./record.ts";

const { signal } = new AbortController();
const model = modelFor(factsOf().variant);
const source = "registry.example.com/prepare:v1";
const container = (mode: string, essential = false) => ({ source, mode, essential });

/** A host that boots with these settings, up to preconfigured.target. */
async function preconfigured(settings: JsonObject): Promise<RunningHost> {
  const host = await runningHost();
  await host.api.call("patchSettings", { body: settings });
  await host.api.commitAndWait({});
  // A unit of each container, which runs well.
  for (const name of Object.keys(Object(settings["bootstrap-containers"]))) {
    host.units.set(`bootstrap-container@${name}.service`, { state: "inactive", started: 0, reloaded: 0 });
  }
  await host.reboot();
  // What the boot is to prepare is written down when its turn comes.
  await eventually(async () => expect((await host.api.call("getStatus")).bootstrap).toBeDefined());
  return host;
}

async function prepare({
  api,
  machine: { system },
}: RunningHost): Promise<{ outcome: BootstrapOutcome; noted: string[] }> {
  const noted: string[] = [];
  const settings = async () => model.complete(await api.call("getSettings"));
  const outcome = await bootstrap({ system, api, settings, note: (line) => void noted.push(line) }, signal);
  return { outcome, noted };
}

function breaks({ units }: RunningHost, name: string, journal: string): void {
  const unit = units.get(`bootstrap-container@${name}.service`);
  if (unit !== undefined) unit.breaks = { result: "exit-code", journal };
}

async function modes({ api }: RunningHost): Promise<Record<string, string>> {
  const settings = model.complete(await api.call("getSettings"));
  const all = { ...settings["bootstrap-containers"], ...settings["bootstrap-commands"] };
  return Object.fromEntries(Object.entries(all).map(([name, { mode }]) => [name, mode]));
}

test("what is asked for later waits for a reboot, which a plan says beforehand", async () => {
  await using host = await preconfigured({ "bootstrap-containers": { early: container("always") } });
  await prepare(host);
  const set = { "bootstrap-containers": { late: container("once") } };
  const message = "bootstrap container late is to run";
  expect((await host.api.call("plan", { body: { set } })).rebootNeeded).toEqual([message]);
  await host.api.call("patchSettings", { body: set });
  await host.api.commitAndWait({});
  expect((await host.api.call("getStatus")).rebootNeeded).toEqual([message]);
});

test("what is to be done is known before it begins, and the host is booting until it is done", async () => {
  await using host = await runningHost();
  await host.api.call("patchSettings", { body: { "bootstrap-containers": { disk: container("always", true) } } });
  await host.api.commitAndWait({});
  expect((await host.api.call("getStatus")).bootstrap).toBeUndefined();
  await host.machine.write(
    recordPath,
    JSON.stringify({
      entries: [{ kind: "container", name: "disk", mode: "always", essential: true, state: "waiting" }],
    }),
  );
  const { state, bootstrap: entries, halted } = await host.api.call("getStatus");
  expect({ state, entries, halted }).toMatchObject({
    state: "booting",
    entries: [{ name: "disk" }],
    halted: undefined,
  });
});

test("a container that succeeded is switched off when it was to run once, and its unit finds its description", async () => {
  await using host = await preconfigured({
    "bootstrap-containers": {
      format: { ...container("once", true), "user-data": "aGk=", command: ["/bin/format"] },
      mount: container("always", true),
      idle: { source, mode: "off" },
    },
  });
  expect((await prepare(host)).outcome).toEqual({ kind: "prepared" });
  expect(await modes(host)).toEqual({ format: "off", mount: "always", idle: "off" });
  expect(JSON.parse(await host.machine.read("/run/orlop/containers/bootstrap/format.json"))).toEqual({
    type: "bootstrap",
    name: "format",
    source,
    superpowered: false,
    api: "admin",
    userData: "aGk=",
    command: ["/bin/format"],
  });
  expect(await host.machine.readIfPresent("/run/orlop/containers/bootstrap/idle.json")).toBeUndefined();
  const status = await host.api.call("getStatus");
  expect(status.bootstrap?.map(({ name, state }) => [name, state])).toEqual([
    ["format", "done"],
    ["mount", "done"],
  ]);
  expect(status.state).toBe("running");
  const [newest] = await host.api.call("getHistory", { query: { limit: 1 } });
  expect(newest).toMatchObject({ says: "bootstrap container format succeeded" });
});

test("one that fails without being essential is told and passed, and runs again at the next boot", async () => {
  await using host = await preconfigured({
    "bootstrap-containers": { probe: container("once"), other: container("once") },
  });
  breaks(host, "probe", "looking for the disk\nexit code 3");
  const { outcome, noted } = await prepare(host);
  expect(outcome).toEqual({ kind: "prepared" });
  expect(noted[0]).toBe("bootstrap: container probe failed, the boot goes on without it: exit code 3");
  expect(noted).toContain("  | looking for the disk");
  expect(await modes(host)).toEqual({ probe: "once", other: "off" });
  const { state, bootstrap: entries = [], halted } = await host.api.call("getStatus");
  expect([state, halted]).toEqual(["degraded", undefined]);
  expect(entries.find(({ name }) => name === "probe")?.failure).toMatchObject({
    message: "exit code 3",
    unit: "bootstrap-container@probe.service",
  });
});

test("an essential one that fails halts the boot, with the reason", async () => {
  await using host = await preconfigured({
    "bootstrap-containers": { disk: container("once", true), other: container("always") },
  });
  breaks(host, "disk", "exit code 9");
  const { outcome, noted } = await prepare(host);
  const reason = "essential bootstrap container disk failed: exit code 9";
  expect(outcome).toEqual({ kind: "halted", reason });
  expect(noted.at(-1)).toBe(`bootstrap: the boot stops here: ${reason}`);
  expect(await modes(host)).toEqual({ disk: "once", other: "always" });
  expect(await host.api.call("getStatus")).toMatchObject({ state: "degraded", halted: reason });
});

test("commands run in the order of their names, each list to its first failure", async () => {
  await using host = await preconfigured({
    "bootstrap-commands": {
      "10-second": {
        commands: [
          ["apiclient", "status"],
          ["apiclient", "bad"],
          ["apiclient", "never"],
        ],
        mode: "once",
      },
      "01-first": { commands: [["apiclient", "set", "motd=hi"]], mode: "once", essential: true },
      "20-off": { commands: [["apiclient", "never"]] },
    },
  });
  host.machine.programs.set("apiclient", (argv, limits) =>
    argv[1] === "bad" ? exits(1, "cannot do it")(argv, limits) : "done",
  );
  const { outcome } = await prepare(host);
  expect(outcome).toEqual({ kind: "prepared" });
  expect(host.machine.ran.filter((line) => line.startsWith("apiclient"))).toEqual([
    "apiclient set motd=hi",
    "apiclient status",
    "apiclient bad",
  ]);
  expect(await modes(host)).toEqual({ "01-first": "off", "10-second": "once", "20-off": "off" });
});

test("an essential command that fails is the last thing that happens", async () => {
  await using host = await preconfigured({
    "bootstrap-commands": {
      one: { commands: [["apiclient", "bad"]], mode: "always", essential: true },
      two: { commands: [["apiclient", "never"]], mode: "always" },
    },
    "bootstrap-containers": { never: container("always") },
  });
  host.machine.programs.set("apiclient", exits(1, "cannot do it"));
  expect((await prepare(host)).outcome).toMatchObject({ kind: "halted" });
  expect(host.machine.ran).not.toContain("apiclient never");
  expect(host.units.get("bootstrap-container@never.service")?.started).toBe(0);
  const { bootstrap: entries } = await host.api.call("getStatus");
  expect(entries?.map(({ name, state }) => [name, state])).toEqual([
    ["one", "failed"],
    ["two", "skipped"],
    ["never", "skipped"],
  ]);
});

test("a reboot that a command asks for waits until all have run, and containers wait for the next boot", async () => {
  await using host = await preconfigured({
    "bootstrap-commands": {
      one: { commands: [["apiclient", "reboot"]], mode: "once" },
      two: { commands: [["apiclient", "set", "motd=later"]], mode: "always" },
    },
    "bootstrap-containers": { later: container("once") },
  });
  host.machine.programs.set("apiclient", async ([, verb]) => {
    if (verb === "reboot") await host.api.call("reboot");
    return "";
  });
  expect((await prepare(host)).outcome).toEqual({ kind: "rebooting" });
  const relevant = host.machine.ran.filter((line) => /^apiclient|reboot/.test(line));
  expect(relevant.slice(0, 2)).toEqual(["apiclient reboot", "apiclient set motd=later"]);
  expect(host.units.get("bootstrap-container@later.service")?.started).toBe(0);
  expect(await modes(host)).toEqual({ one: "off", two: "always", later: "once" });
});

test("containers that a command has set run in the same boot", async () => {
  await using host = await preconfigured({
    "bootstrap-commands": { one: { commands: [["apiclient", "set", "…"]], mode: "always" } },
  });
  host.units.set("bootstrap-container@added.service", { state: "inactive", started: 0, reloaded: 0 });
  host.machine.programs.set("apiclient", async () => {
    await host.api.call("patchSettings", { body: { "bootstrap-containers": { added: container("once") } } });
    await host.api.call("commit");
    return "";
  });
  await prepare(host);
  expect(host.units.get("bootstrap-container@added.service")?.started).toBe(1);
});

test("a container whose mode cannot be set because settings are on trial says that it will run again", async () => {
  await using host = await preconfigured({ "bootstrap-containers": { one: container("once") } });
  await host.api.call("patchSettings", { body: { motd: "trial" } });
  await host.api.commitAndWait({ try: 600 });
  const { outcome, noted } = await prepare(host);
  expect(outcome).toEqual({ kind: "prepared" });
  expect(noted.join()).toContain("will run again");
  expect((await host.api.call("getStatus")).bootstrap?.[0]).toMatchObject({
    state: "done",
    failure: { code: "mode-not-set" },
  });
});

test("when who prepares the machine is killed, the host says that the boot stopped", async () => {
  await using host = await preconfigured({ "bootstrap-containers": { one: container("once", true) } });
  await host.machine.write(
    recordPath,
    JSON.stringify({ entries: [{ kind: "container", name: "one", mode: "once", essential: true, state: "running" }] }),
  );
  expect((await host.api.call("getStatus")).state).toBe("booting");
  host.units.set("bootstrap.service", { state: "failed", started: 1, reloaded: 0 });
  expect(await host.api.call("getStatus")).toMatchObject({
    state: "degraded",
    halted: "bootstrap.service ended before it was done",
    bootstrap: [{ state: "failed", failure: { code: "interrupted" } }],
  });
});

test("the reason that was written while the host asked for the unit is not taken for a kill", async () => {
  await using host = await preconfigured({ "bootstrap-containers": { one: container("once", true) } });
  breaks(host, "one", "exit code 3");
  const systemctl = host.machine.programs.get("systemctl");
  host.machine.programs.set("systemctl", async (argv, limits) => {
    if (!argv.includes("bootstrap.service")) return (await systemctl?.(argv, limits)) ?? "";
    await prepare(host);
    return "failed\n";
  });
  expect((await host.api.call("getStatus")).halted).toBe("essential bootstrap container one failed: exit code 3");
});
