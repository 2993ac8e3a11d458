import { expect, test } from "bun:test";
import { realFiles } from "../../../lib/files/files.ts";
import { runningHost } from "../../../test/worlds/host/running-host.ts";
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
