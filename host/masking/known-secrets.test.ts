/** What settings were before stays a secret, and learning it costs a commit nothing. */
import { expect, test } from "bun:test";
import { modelFor } from "../../settings/model/model.ts";
import { SimulatedDisk } from "../../test/simulator/media/disk.ts";
import { eventually } from "../../test/eventually.ts";
import { datastoreOn } from "../../test/worlds/host/datastore.ts";
import { variantNamed } from "../../variants/all.ts";
import { KnownSecrets } from "./known-secrets.ts";

const key = "network.https-proxy";

const proxyWith = (password: string): string => `http://me:${password}@proxy:3128`;

class CountingDisk extends SimulatedDisk {
  reads = 0;

  override async read(name: string): Promise<Uint8Array> {
    this.reads++;
    return await super.read(name);
  }
}

test("what was set before a start, alone, and at once is known, and a change alone reads nothing back", async () => {
  const disk = new CountingDisk(1);
  await using host = await datastoreOn(disk);
  const { store } = host;
  for (const password of ["marker-one", "marker-two"]) await host.set({ [key]: proxyWith(password) });

  const secrets = new KnownSecrets(modelFor(variantNamed("dev")), store);
  const stop = new AbortController();
  const learning = secrets.keepLearning(stop.signal).catch(() => undefined);
  const known = (password: string) => !secrets.mask(`it is ${password}`).includes(password);
  await eventually(() => expect(known("marker-one")).toBe(true));

  const readsBefore = disk.reads;
  await host.set({ [key]: proxyWith("marker-three") });
  await host.set({ [key]: proxyWith("marker-four") });
  await eventually(() => expect(["marker-two", "marker-three", "marker-four"].map(known)).toEqual([true, true, true]));
  expect(disk.reads).toBe(readsBefore);

  // Commits of one write: the learner meets the last of them only.
  await Promise.all(
    ["marker-five", "marker-six", "marker-seven"].map(async (password) => {
      await store.change(new Map([[key, proxyWith(password)]]), { kind: "socket", uid: 0, pid: 1 }, "test");
    }),
  );
  await eventually(() => expect(["marker-five", "marker-six", "marker-seven"].map(known)).toEqual([true, true, true]));
  stop.abort();
  await learning;
});
