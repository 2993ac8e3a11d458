/**
 * Protects: people bring a kernel module of their own to a fleet by what its repository offers. Falco's driver is compiled by
 * the kit of a version where nothing else is installed, a StatefulSet loads it, events are read from its device, it is
 * there again after an update, and a kernel that is locked down takes it only by the key that the image was built with.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { builtImage } from "../../../cli/image/built-image.ts";
import { orlop } from "../../../cli/main.ts";
import { openSigningKey, type SigningKey } from "../../../image/boot/signing-key.ts";
import { openToolsRoot } from "../../../image/packages/tools-root.ts";
import { invoke } from "../../../lib/command/command-line.ts";
import { run } from "../../../lib/program/process.ts";
import { startTestRegistry, type TestRegistry } from "../../worlds/containers/registry.ts";
import { falcoDriverImage } from "../../worlds/modules/driver-image.ts";
import { compileFalcoDriver } from "../../worlds/modules/falco-driver.ts";
import { startMs, TestCluster } from "./cluster.ts";
import { newer, older, PublishedImages } from "./published-images.ts";
import { directory, type TestHost } from "./test-host.ts";
import { UpdatingHost } from "./updating-host.ts";

const variant = "metal-k8s-1.20";
const kit = (version: string): string => `${variant}-x86_64-kmod-kit-v${version}`;
const work = join(directory, "kernel-modules-work");
const place = (...names: string[]): string => join(work, ...names);

/** Signed by nobody, by the key that the image was built with, by a key that it does not know. */
type Module = "unsigned" | "signed" | "foreign";

let cluster: TestCluster;
let registry: TestRegistry;
let published: PublishedImages;
let image: string;
let host: TestHost;

async function repo(...words: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await invoke(await orlop(["repo"]), ["repo", ...words]);
  if (exitCode !== 0) throw new Error(`repo ${words.join(" ")}: ${stderr}`);
  return stdout;
}

const signingKey = async (name: string): Promise<SigningKey> =>
  await openSigningKey(await openToolsRoot(), "secure-boot", join(directory, name));

beforeAll(async () => {
  // Kept between runs, so that the images need not be made anew.
  const key = await signingKey("kernel-modules-key");
  await rm(work, { recursive: true, force: true });
  await mkdir(place("kit"), { recursive: true });
  published = await PublishedImages.open("kernel-modules", variant, {
    makeOlder: async (wanted) =>
      await builtImage(
        { ...wanted, output: place("older"), moduleCertificate: key.certificate, moduleKit: true },
        new AbortController().signal,
      ),
  });
  const root = ["--root", published.keys.rootJson, "--variant", variant];
  await repo("download", published.directory, `${kit(older)}.tar.xz`, ...root, "--output", place("kit"));
  await run(["tar", "-xf", `${kit(older)}.tar.xz`], { cwd: place("kit") });
  const { release, unsigned, signedBy } = await compileFalcoDriver(place("kit", kit(older)), place("driver"));
  const modules: Record<Module, Uint8Array> = {
    unsigned,
    signed: await signedBy(key),
    foreign: await signedBy(await signingKey("kernel-modules-foreign-key")),
  };

  registry = await startTestRegistry({ tls: true, auth: true });
  await using layout = await falcoDriverImage({ release, modules }, work);
  await registry.push(layout.layout, "falco/driver:v1");
  image = `${registry.forGuests}/falco/driver:v1`;
  cluster = await TestCluster.start("kernel-modules");
}, startMs);
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
  await registry?.[Symbol.asyncDispose]();
  published?.[Symbol.dispose]();
});

/** Of hosts that are locked down, as they are unless a setting says otherwise. */
async function boot(name: string, hardware: { secureBoot: boolean }): Promise<TestHost> {
  const settings = {
    pki: registry.pki,
    kernel: { lockdown: "integrity" },
    "container-registry": { credentials: [registry.credential(registry.forGuests)] },
    updates: published.settings,
  };
  const node = await cluster.boot(name, settings, { image: published.images.older.image, ...hardware });
  await cluster.untilReady(node);
  return node;
}

/** The StatefulSet of docs/kernel-modules.md, which loads that module on a node. */
async function driverSet(module: Module, node: string): Promise<object> {
  const page = await readFile(join(import.meta.dir, "../../../docs/kernel-modules.md"), "utf8");
  const [, manifest = ""] = /^```yaml\n(.*?)^```$/ms.exec(page) ?? [];
  const set = statefulSet.parse(parse(manifest));
  const [container] = set.spec.template.spec.containers;
  Object.assign(container, { image, args: [module] });
  Object.assign(set.spec.template.spec, {
    nodeName: node,
    terminationGracePeriodSeconds: 1,
    tolerations: [{ operator: "Exists" }],
  });
  return set;
}

/** What of it the test changes. */
const statefulSet = z.looseObject({
  kind: z.literal("StatefulSet"),
  spec: z.looseObject({
    template: z.looseObject({ spec: z.looseObject({ containers: z.tuple([z.looseObject({})]) }) }),
  }),
});

const logs = async (): Promise<string> => await cluster.kubectl("logs", "driver-0").catch(() => "");
const untilLogged = async (text: RegExp): Promise<void> =>
  await cluster.until(`the driver's pod logs ${text}`, async () => text.test(await logs()));

const loadedModules = async (): Promise<string> => await cluster.kubectl("exec", "driver-0", "--", "lsmod");

async function removeDriver(): Promise<void> {
  await cluster.kubectl("delete", "statefulset/driver", "--ignore-not-found");
  await cluster.kubectl("delete", "pod/driver-0", "--ignore-not-found", "--force", "--grace-period=0");
}

/** A file that nobody else opens is opened on the node, as soon as the driver's container is there, and the driver tells of it. */
async function expectEvents(marker: string): Promise<void> {
  const open = ["exec", "driver-0", "--", "bash", "-c", `cat /etc/${marker} || true`];
  await cluster.until(`the driver tells that /etc/${marker} is opened`, async () => {
    await cluster.kubectl(...open).catch(() => "");
    return (await logs()).includes(`opened /etc/${marker}`);
  });
}

test("the image's build offers its kit, and the newer one has none", async () => {
  const shown = await repo("show", published.directory);
  expect(shown).toContain(`${kit(older)}.tar.xz`);
  expect(shown).not.toContain(kit(newer));
});

test(
  "under integrity a privileged StatefulSet cannot load Falco's driver, and its pod logs the kernel's reason",
  async () => {
    host = await boot("node-1", { secureBoot: false });
    await cluster.apply(await driverSet("unsigned", "node-1"));
    await untilLogged(/Lockdown: insmod: unsigned module loading is restricted/);
    expect((await host.status()).state).toBe("running");
  },
  startMs,
);

test(
  "lockdown being none, which takes a reboot, it loads the driver; lsmod shows it, and events are read",
  async () => {
    await host.commit({ kernel: { lockdown: "none" } });
    expect((await host.status()).rebootNeeded).toContain(
      "settings.kernel.lockdown is none, but the kernel keeps integrity",
    );
    await host.reboot();
    await cluster.untilReady(host);
    await expectEvents("first-marker");
    expect(await loadedModules()).toMatch(/^scap +\d+ /m);
  },
  startMs,
);

test(
  "explain warns that the next version has no kit, and the driver is there again after the update",
  async () => {
    const explained = await (await host.api()).call("explainUpdates");
    expect(explained.missingKit).toEqual({ version: newer, modules: ["scap"], kit: `${kit(newer)}.tar.xz` });
    const updating = new UpdatingHost(host);
    await updating.apply(newer);
    await host.reboot();
    await cluster.untilReady(host);
    expect(await updating.proved()).toBe(newer);
    await expectEvents("second-marker");
    await host.cutPower();
  },
  startMs,
);

test(
  "with Secure Boot, under integrity, the module signed by the image's module key loads, and no other does",
  async () => {
    await removeDriver();
    const node = await boot("node-2", { secureBoot: true });
    for (const module of ["unsigned", "foreign"] as const) {
      await cluster.apply(await driverSet(module, "node-2"));
      await untilLogged(/Key was rejected by service/);
      await removeDriver();
    }
    await cluster.apply(await driverSet("signed", "node-2"));
    await expectEvents("third-marker");
    expect(await loadedModules()).toMatch(/^scap +\d+ /m);
    expect((await node.status()).state).toBe("running");
  },
  startMs,
);
