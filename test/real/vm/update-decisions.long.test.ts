/**
 * Protects: a person's word and the repository's word on versions and keys is what counts.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { generateKey, newer, older, PublishedImages } from "./published-images.ts";
import { UpdatingHost } from "./updating-host.ts";

const silent = "http://127.0.0.1:9/healthz";
/** Of the repository; it answers once there is such a file. */
const answer = "healthz";

let published: PublishedImages;
let updating: UpdatingHost;

beforeAll(async () => {
  published = await PublishedImages.open("update-decisions");
  const userData = published.userData("[settings]", 'motd = "kept"');
  updating = await UpdatingHost.boot("update-decisions", { userData, image: published.images.older.image });
});
afterAll(async () => {
  await updating?.[Symbol.asyncDispose]();
  published?.[Symbol.dispose]();
});

test("a reboot that is asked for while an update has to prove itself is no failure", async () => {
  const { host } = updating;
  await updating.lockTo("latest", { "http-probes": [published.url(answer)], "timeout-seconds": 3600 });
  await updating.apply(newer);
  expect(await updating.entries()).toContain("orlop-b+1.conf");
  await host.reboot();
  expect(await updating.entries()).toContain("orlop-b+0-1.conf");
  await host.reboot();
  expect(await updating.version()).toBe(newer);
  expect((await host.status()).heldUpdates).toBeUndefined();
});

test("what was promised to an update when it was made to boot holds, whatever settings become meanwhile", async () => {
  const { notes } = await updating.host.commit({ updates: { health: { "http-probes": [] } } });
  expect(notes).toEqual([expect.stringContaining("counts from the next update on")]);
  // Longer than the gate takes to find that all holds.
  await sleep(20_000);
  expect(await updating.entries()).not.toContain("orlop-b.conf");
});

test("an update that proves healthy stays, and so do the settings", async () => {
  const { host } = updating;
  await Bun.write(join(published.directory, answer), "well");
  expect(await updating.proved()).toBe(newer);
  expect(await updating.entries()).toContain("orlop-b.conf");
  expect(await host.shell.run("cat /etc/motd")).toBe("kept");
});

test("a version that went back is not tried again until a person releases it", async () => {
  await updating.lockTo(older, { "http-probes": [silent], "timeout-seconds": 20 });
  await updating.apply(older);
  expect((await updating.rebootAndReturn()).version).toBe(older);
  const api = await updating.host.api();
  expect((await updating.act("refreshUpdates")).chosen_update).toBeNull();
  const judged = (await api.call("explainUpdates")).versions.find(({ version }) => version === older);
  expect(judged?.holds.map(({ kind }) => kind)).toEqual(["failed-before"]);
  await updating.release(older);
  expect((await updating.act("refreshUpdates")).chosen_update?.version).toBe(older);
});

test("hosts follow a new root key, and a version lock takes them to an older version", async () => {
  const { root } = published.keys;
  const successor = join(published.directory, "../keys/successor.pem");
  await generateKey(successor);
  const keys = ["--root-key", root, "--root-key", successor];
  await published.repo("key rotate", "--old", root, "--new", successor, ...keys);
  await updating.lockTo(older, { "http-probes": [] });
  await updating.apply(older);
  await updating.host.reboot();
  expect(await updating.proved()).toBe(older);
});

test("a person goes back to the other set", async () => {
  const { host } = updating;
  await host.shell.run("signpost rollback-to-inactive");
  await host.reboot();
  expect(await updating.proved()).toBe(newer);
  expect(await host.shell.run("cat /etc/motd")).toBe("kept");
});

test("a host that runs a version which is recalled is offered the one before", async () => {
  await published.repo("recall", newer, "--variant", "dev");
  await updating.lockTo("latest");
  expect((await updating.act("refreshUpdates")).chosen_update?.version).toBe(older);
});
