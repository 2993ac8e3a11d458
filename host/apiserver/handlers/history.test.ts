import { expect, test } from "bun:test";
import { realFiles } from "../../../lib/files/files.ts";
import { runningHost } from "../../../test/worlds/host/running-host.ts";
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
