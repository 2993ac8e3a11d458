import { expect, test } from "bun:test";
import { mkdir, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Failure } from "../../lib/failure.ts";
import { realFiles } from "../../lib/files/files.ts";
import { modelFor } from "../../settings/model/model.ts";
import { factsOf } from "../../test/worlds/host/settings.ts";
import { testSystem, type TestSystem, type TestSystemOptions } from "../../test/worlds/host/system.ts";
import { boot, keepGenerating, newBootStatus, type BootHost, type BootStatus } from "./boot.ts";
import { Attestation } from "../attestation/attestation.ts";
import { Datastore } from "../datastore/datastore.ts";
import { directoryDisk } from "../datastore/log/disk.ts";
import { readBootList } from "../extensions/records.ts";
import { configFile } from "../files/config-file.ts";
import { Engine } from "../reconcile/engine.ts";
import { filesReconciler } from "../reconcile/files.ts";
import { hugePages } from "../reconcile/kernel/huge-pages.ts";

const { signal } = new AbortController();
const facts = factsOf();
const model = modelFor(facts.variant);
const userData = "/var/lib/orlop/user-data.toml";
const motd = configFile({ path: "/etc/motd", render: (settings) => settings.motd });
const nowhere = configFile({
  path: "/etc/motd/below",
  render: (settings) => (settings.motd === "bad" ? "x" : undefined),
});

type World = TestSystem & { start(): Promise<AsyncDisposable & BootHost> };

/** A machine on which the daemon can be started again and again. */
async function machine(options: TestSystemOptions = {}): Promise<World> {
  const host = await testSystem({ interfaces: () => ({}), ...options });
  const { system } = host;
  return Object.assign(host, {
    async start() {
      const disk = directoryDisk(realFiles, join(system.root, "var/lib/orlop/datastore"));
      const datastore = await Datastore.open(disk, { image: facts.versionId, clock: system.clock });
      const engine = new Engine({ system, facts }, [hugePages, filesReconciler([motd, nowhere])], {
        current: () => ({ version: datastore.version, settings: model.complete(model.tree(datastore.values)) }),
        changedSince: (version, wait) => datastore.changedSince(version, wait),
      });
      const parts = { system, facts, model, datastore, engine, attestation: new Attestation(system, datastore) };
      return Object.assign(parts, { [Symbol.asyncDispose]: () => datastore[Symbol.asyncDispose]() });
    },
  });
}

const hostname = '[settings.network]\nhostname = "node-1"\n';

test("a boot without its essential huge pages stops before preconfigured.target, and says why", async () => {
  await using world = await machine();
  const pages = join(world.system.root, "sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages");
  await mkdir(dirname(pages), { recursive: true });
  await symlink("/dev/null", pages); // takes every number and has none
  await world.write(
    userData,
    `[settings.kernel.hugepages.static]\nessential = true\n2Mi = { count = 512 }\n${hostname}`,
  );
  await using host = await world.start();
  const status = newBootStatus();
  await boot(host, status, signal);
  expect(status.steps.flatMap(({ failure }) => failure?.message ?? [])).toEqual([
    "cannot go on with the boot: huge-pages: cannot set aside huge pages of 2Mi: 0 of 512 could be had",
  ]);
  expect(await world.readIfPresent("/run/orlop/configured")).toBeUndefined();
});

test("a first boot sets what user data says, generates the rest, and writes files; then the target is reached", async () => {
  await using world = await machine();
  await world.write(userData, `[settings]\nmotd = "hello"\n${hostname}`);
  await using host = await world.start();
  const status = newBootStatus();
  await boot(host, status, signal);
  expect(status.steps.map(({ state }) => state)).toEqual([
    "skipped",
    "skipped",
    "done",
    "done",
    "skipped",
    "done",
    "skipped",
    "skipped",
    "skipped",
  ]);
  expect(host.datastore.values.get("settings.motd")).toBe("hello");
  expect(host.datastore.values.get("settings.updates.seed")).toBeNumber();
  expect(await world.read("/etc/motd")).toBe("hello");
  expect(await world.readIfPresent("/run/orlop/configured")).toBe("");
  const authors = (await host.datastore.history()).map(({ by }) => by);
  expect(authors).toEqual([
    { kind: "host", part: "generators" },
    { kind: "host", part: "user-data" },
  ]);
});

test("what a boot is to put into /usr is written down before it goes on, and stays what it was", async () => {
  await using world = await machine();
  await world.write(userData, `${hostname}[settings.extensions]\ntools.enabled = true\nother.enabled = false\n`);
  await using host = await world.start();
  const status = newBootStatus();
  await boot(host, status, signal);
  expect(status.steps.at(-1)).toMatchObject({ step: "see what is to come into /usr", state: "done" });
  expect(await readBootList(world.system)).toEqual(["tools"]);
  // Chosen since, and the daemon starts anew: this boot is past that.
  host.datastore.stage("default", new Map([["settings.extensions.other.enabled", true]]));
  await host.datastore.commit("default", { kind: "socket", uid: 0 }, "another one");
  await boot(host, newBootStatus(), signal);
  expect(await readBootList(world.system)).toEqual(["tools"]);
});

test("a second boot keeps settings, ignores user data, and commits nothing", async () => {
  await using world = await machine();
  await world.write(userData, `[settings]\nmotd = "first"\n${hostname}`);
  {
    await using host = await world.start();
    await boot(host, newBootStatus(), signal);
  }
  await world.write(userData, '[settings]\nmotd = "second"\n');
  await using host = await world.start();
  const { version } = host.datastore;
  const status = newBootStatus();
  await boot(host, status, signal);
  expect(status.steps.map(({ state }) => state)).toEqual([
    "skipped",
    "skipped",
    "skipped",
    "skipped",
    "skipped",
    "done",
    "skipped",
    "skipped",
    "skipped",
  ]);
  expect(host.datastore.version).toBe(version);
  expect(await world.read("/etc/motd")).toBe("first");
});

test("a daemon that dies after the commit of user data changes nothing when it starts again", async () => {
  await using world = await machine();
  await world.write(userData, `[settings]\nmotd = "hello"\n${hostname}`);
  const dies = new AbortController();
  {
    await using host = await world.start();
    const { datastore } = host;
    const commit = datastore.commit.bind(datastore);
    datastore.commit = async (...parameters) => {
      const committed = await commit(...parameters);
      dies.abort(new Error("killed"));
      throw new Error("killed", { cause: committed });
    };
    await expect(boot(host, newBootStatus(), dies.signal)).rejects.toThrow("killed");
  }
  await using host = await world.start();
  expect(host.datastore.values.get("settings.motd")).toBe("hello");
  const status = newBootStatus();
  await boot(host, status, signal);
  expect(status.steps[2]?.state).toBe("done");
  expect((await host.datastore.history()).filter(({ message }) => message.startsWith("user data"))).toHaveLength(1);
});

test("wrong user data is told with its place, the host boots with defaults and reads it again next time", async () => {
  await using world = await machine();
  await world.write(userData, "[settings]\nmotd = 7\n");
  {
    await using host = await world.start();
    const status = newBootStatus();
    await boot(host, status, signal);
    expect(status.steps[2]).toMatchObject({ state: "failed", failure: { code: "bad-user-data" } });
    expect(status.userData.problems).toMatchObject([{ key: "settings.motd", line: 2 }]);
    expect(await world.read("/etc/motd")).toBe("Welcome to Orlop!");
    expect(await world.readIfPresent("/run/orlop/configured")).toBe("");
    // Somebody repairs it through the API.
    host.datastore.stage("default", new Map([["settings.network.hostname", "by-hand"]]));
    await host.datastore.commit("default", { kind: "socket", uid: 0 }, "repair");
  }
  await world.write(userData, `[settings]\nmotd = "now right"\n${hostname}[settings.updates]\nseed = 7\n`);
  await using host = await world.start();
  const status = newBootStatus();
  await boot(host, status, signal);
  expect(status.userData.problems).toEqual([]);
  expect(await world.read("/etc/motd")).toBe("now right");
  expect(host.datastore.values.get("settings.network.hostname")).toBe("by-hand");
  // Generated at the first boot.
  expect(host.datastore.values.get("settings.updates.seed")).toBe(7);
});

test("a reconciler that fails is the last step's failure, and the boot ends all the same", async () => {
  await using world = await machine();
  await world.write(userData, `[settings]\nmotd = "bad"\n${hostname}`);
  await using host = await world.start();
  const status = newBootStatus();
  await boot(host, status, signal);
  expect(status.steps[5]).toMatchObject({ state: "failed", failure: { code: "not-applied" } });
  expect(await world.readIfPresent("/run/orlop/configured")).toBe("");
});

test("a name that the network was too late for is found after the boot", async () => {
  let isUp = false;
  const address = { address: "10.0.2.15", family: "IPv4", netmask: "", mac: "", internal: false, cidr: null } as const;
  await using world = await machine({ interfaces: () => (isUp ? { eth0: [address] } : {}) });
  await world.write("/proc/net/route", "eth0\t00000000\t0202000A\t0003\t0\t0\t1024\t00000000\t0\t0\t0\n");
  await using host = await world.start();
  const status = newBootStatus();
  await boot(host, status, signal);
  expect(status.steps[3]).toMatchObject({ state: "failed", failure: { code: "not-generated" } });
  isUp = true;
  await untilComplete(host, status);
  expect(status.steps[3]?.state).toBe("done");
  expect(host.datastore.values.get("settings.network.hostname")).toBe("10.0.2.15");
});

/** Looks for missing values until none is missing. */
async function untilComplete(host: BootHost, status: BootStatus): Promise<void> {
  const stop = new AbortController();
  const complete = async (): Promise<void> => stop.abort(new Error("nothing is missing"));
  await expect(keepGenerating(host, status, complete, stop.signal)).rejects.toThrow("nothing is missing");
}

test("a boot that has other parameters than the settings reboots once, when it is told to", async () => {
  await using world = await machine();
  const boots = "[settings.boot]\nreboot-to-reconcile = true\n[settings.boot.kernel-parameters]\nquiet = []\n";
  await world.write(userData, `${hostname}${boots}`);
  world.programs.set("systemctl", () => "");
  for (const state of ["done", "skipped"] as const) {
    await using host = await world.start();
    const status = newBootStatus();
    await boot(host, status, signal);
    expect(status.steps[6]?.state).toBe(state);
  }
  expect(world.ran).toEqual(["systemctl --no-block reboot"]);
});

test("a boot waits for file systems once, and goes on without those that cannot be mounted", async () => {
  await using world = await machine();
  await mkdir(join(world.system.root, "run/systemd/system"), { recursive: true });
  await world.write(userData, hostname);
  const ran: string[] = [];
  world.programs.set("systemctl", (argv) => {
    ran.push(argv.join(" "));
    if (argv.includes("show")) return "dependency\n";
    throw new Failure("exit-status", "cannot run systemctl: it exited with 1: Job for local-fs.target failed.");
  });
  world.programs.set("journalctl", () => "");
  const waited = async (): Promise<unknown> => {
    await using host = await world.start();
    const status = newBootStatus();
    await boot(host, status, signal);
    expect(host.datastore.values.get("settings.network.hostname")).toBe("node-1");
    return { state: status.steps[0]?.state, message: status.steps[0]?.failure?.message };
  };
  expect(await waited()).toEqual({ state: "failed", message: "cannot start local-fs.target: dependency" });
  expect(ran[0]).toBe("systemctl start local-fs.target");
  ran.length = 0;
  expect(await waited()).toEqual({ state: "skipped", message: undefined });
  expect(ran).toEqual([]);
});
