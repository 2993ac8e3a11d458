import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "bun:test";
import { invoke } from "../../../lib/command/command-line.ts";
import { realFiles } from "../../../lib/files/files.ts";
import { runningHost } from "../../../test/worlds/host/running-host.ts";
import { apiclient } from "../../commands/apiclient.ts";
import { historyText } from "../../commands/apiclient/change/history.ts";
import { Audit } from "../../daemon/audit.ts";
import { Datastore } from "../../datastore/datastore.ts";
import { directoryDisk } from "../../datastore/log/disk.ts";
import { logs } from "../../kept/things.ts";
import { hostPath } from "../../machine/system.ts";

test("undo finds what a person changed, however often the host has changed settings since", async () => {
  await using host = await runningHost();
  const { api, machine } = host;
  await api.call("patchSettings", { body: { motd: "by a person" } });
  const { version } = await api.commitAndWait({});
  await host.stop();
  {
    const disk = directoryDisk(realFiles, hostPath(machine.system, logs.settings.path));
    await using store = await Datastore.open(disk, { image: "0.1.0", clock: machine.system.clock });
    for (let change = 0; change < 150; change++) {
      store.stage("host", new Map([["settings.updates.seed", change]]));
      await store.commit("host", { kind: "host", part: "generators" }, "found anew");
    }
    expect(await store.history()).toHaveLength(version + 150);
    expect(await store.history(7)).toHaveLength(7);
  }
  await host.restart();
  const { changed } = await api.call("undo", { query: {} });
  expect(changed).toEqual(["settings.motd"]);
  expect(await api.call("getHistory", { query: {} })).toHaveLength(100);
  expect((await api.call("getHistory", { query: { limit: 10_000 } })).length).toBeGreaterThan(150);
});

test("what a fleet ordered is in the history, beside programs that people ran", async () => {
  await using host = await runningHost();
  const { api, machine } = host;
  await host.stop();
  {
    const disk = directoryDisk(realFiles, hostPath(machine.system, logs.audit.path));
    await using audit = await Audit.open(disk, { image: "0.1.0", clock: machine.system.clock });
    await audit.executed({ kind: "socket", uid: 0 }, { container: "admin", command: ["ls"], terminal: false });
    const order = { id: "7", do: "reboot-into", version: "1.2.0", by: "web" } as const;
    await audit.obeyed({ ...order, outcome: "reboots" });
    await audit.obeyed({ ...order, outcome: "reboots" });
  }
  await host.restart();
  const [second, first, program] = await api.call("getHistory", { query: { limit: 3 } });
  for (const entry of [first, second]) {
    expect(entry).toMatchObject({ order: { id: "7", do: "reboot-into", by: "web", outcome: "reboots" } });
    expect(historyText(entry === undefined ? [] : [entry])).toMatch(
      /^order {2}\S+ {2}fleet policy web {2}image 0.1.0\n {2}reboot into 1.2.0: reboots$/,
    );
  }
  expect(program).toMatchObject({ exec: { container: "admin" } });
});

test("a secret that was replaced is gone from the disk once an administrator has it forgotten, and not before", async () => {
  await using host = await runningHost();
  const { api, machine } = host;
  const onDisk = async (): Promise<boolean> => {
    const { root } = machine.system;
    const files = [...new Bun.Glob("**/*").scanSync({ cwd: root, dot: true })];
    const texts = await Promise.all(files.map(async (file) => await readFile(join(root, file), "latin1")));
    return texts.some((text) => text.includes("REGPASS123"));
  };
  const credentials = (password: string) => [{ registry: "registry.example.com", username: "puller", password }];
  for (const password of ["REGPASS123", "another"]) {
    const set = { "container-registry": { credentials: credentials(password) } };
    await api.call("changeSettings", { query: { wait: true }, body: { set } });
  }
  expect(await onDisk()).toBe(true);
  const run = async (...words: string[]) => await invoke(apiclient, ["-s", host.socket, "history", ...words]);
  const { stdout, exitCode } = await run("--forget", "container-registry.credentials");
  expect([stdout, exitCode]).toEqual([
    expect.stringMatching(/^forgot what settings.container-registry.credentials was, and the history up to version 3 /),
    0,
  ]);
  expect(await onDisk()).toBe(false);
  expect((await run()).stdout).toContain("forget what settings.container-registry.credentials was");
  expect((await run("--forget", "container-registry")).stdout).toStartWith("nothing to forget");
  expect(await run("--forget", "no.such")).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining("no such setting"),
  });
  expect(await api.call("getSettings", { query: { prefix: "settings.container-registry" } })).toMatchObject({
    "container-registry": { credentials: credentials("another") },
  });
  await host.restart();
  expect((await api.call("getStatus")).state).not.toBe("halted");
});
