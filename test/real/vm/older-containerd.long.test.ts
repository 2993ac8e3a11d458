/**
 * Protects: a host whose image has containerd 1.7 takes an update to one with containerd 2, and goes back, and either way
 * its containers run on from what is on the disk, without a registry.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { busyboxImage } from "../../worlds/containers/oci-image.ts";
import { startTestRegistry, type TestRegistry } from "../../worlds/containers/registry.ts";
import { imageOfCommit, lastWithContainerd17 } from "./commit-image.ts";
import { newer, older, PublishedImages } from "./published-images.ts";
import { UpdatingHost } from "./updating-host.ts";

const names = ["first", "second"] as const;

let registry: TestRegistry;
let published: PublishedImages;
let updating: UpdatingHost;

/** Counts its starts in what it keeps. */
const script = "echo start >> /.bottlerocket/host-containers/current/starts; trap 'exit 0' TERM; sleep 100000 & wait";

beforeAll(async () => {
  registry = await startRegistry();
  published = await PublishedImages.open("older-containerd", "dev", {
    makeOlder: async (wanted) => imageOfCommit(lastWithContainerd17, wanted),
  });
  updating = await UpdatingHost.boot("older-containerd", {
    image: published.images.older.image,
    userData: published.userData(
      `[[settings.container-registry.mirrors]]`,
      `registry = "${registry.forGuests}"`,
      `endpoint = ["http://${registry.forGuests}"]`,
      "[settings.host-containers.first]",
      "enabled = true",
      `source = "${sourceOf("first")}"`,
    ),
  });
});
afterAll(async () => {
  await updating?.[Symbol.asyncDispose]();
  published?.[Symbol.dispose]();
  await registry?.[Symbol.asyncDispose]();
});

async function startRegistry(port?: number): Promise<TestRegistry> {
  const started = await startTestRegistry({ tls: false, auth: false, ...(port === undefined ? {} : { port }) });
  for (const name of names) {
    await using image = await busyboxImage({ entrypoint: ["/bin/sh", "-c", script], files: { "/etc/name": name } });
    await started.push(image.layout, `test/${name}:v1`);
  }
  return started;
}

const sourceOf = (name: (typeof names)[number]): string => `${registry.forGuests}/test/${name}:v1`;

const version = async (): Promise<string> => updating.host.shell.run("containerd --version");
const starts = async (name: string): Promise<number> =>
  Number(await updating.host.shell.run(`wc -l < /local/host-containers/${name}/starts`));

test("the older version runs a container in containerd 1.7", async () => {
  expect(await version()).toContain(" 1.7.");
  await updating.host.untilRunning("first");
  expect(await starts("first")).toBe(1);
});

test("the newer one runs it in containerd 2, without a registry", async () => {
  await registry[Symbol.asyncDispose]();
  await updating.apply(newer);
  await updating.host.reboot();
  expect(await updating.proved()).toBe(newer);
  expect(await version()).toContain(" v2.");
  await updating.host.untilRunning("first");
  expect(await starts("first")).toBe(2);
});

test("it pulls another one, and the older version goes on with both", async () => {
  registry = await startRegistry(registry.port);
  await updating.host.commit({ "host-containers": { second: { enabled: true, source: sourceOf("second") } } });
  await updating.host.untilRunning("second");
  await registry[Symbol.asyncDispose]();

  await updating.lockTo(older);
  await updating.apply(older);
  await updating.host.reboot();
  expect(await updating.proved()).toBe(older);
  expect(await version()).toContain(" 1.7.");
  await updating.host.untilRunning("first", "second");
  expect([await starts("first"), await starts("second")]).toEqual([3, 2]);
});
