/**
 * Protects: people bring a kernel module of their own to a fleet by what its repository offers. Falco's driver is compiled by
 * the kit of a version where nothing else is installed, a kernel that is locked down refuses it with the reason, and once it is
 * not, a StatefulSet loads it, and events are read from its device.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { builtImage } from "../../../cli/built-image.ts";
import { orlop } from "../../../cli/main.ts";
import { openSigningKey } from "../../../image/boot/signing-key.ts";
import { openToolsRoot } from "../../../image/packages/tools-root.ts";
import { invoke } from "../../../lib/command/command-line.ts";
import { run } from "../../../lib/program/process.ts";
import { startTestRegistry, type TestRegistry } from "../../worlds/containers/registry.ts";
import { falcoDriverImage } from "../../worlds/modules/driver-image.ts";
import { compileFalcoDriver } from "../../worlds/modules/falco-driver.ts";
import { startMs, TestCluster } from "./cluster.ts";
import { newer, older, PublishedImages } from "./published-images.ts";
import { directory, type TestHost } from "./test-host.ts";

const variant = "metal-k8s-1.20";
const kit = (version: string): string => `${variant}-x86_64-kmod-kit-v${version}`;
const work = join(directory, "kernel-modules-work");
const place = (...names: string[]): string => join(work, ...names);

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

beforeAll(async () => {
  // Kept between runs, so that the images need not be made anew.
  const key = await openSigningKey(await openToolsRoot(), "secure-boot", join(directory, "kernel-modules-key"));
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
  const driver = await compileFalcoDriver(place("kit", kit(older)), key, place("driver"));

  registry = await startTestRegistry({ tls: true, auth: true });
  await using layout = await falcoDriverImage(driver, work);
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
async function boot(name: string): Promise<TestHost> {
  const settings = {
    pki: registry.pki,
    kernel: { lockdown: "integrity" },
    "container-registry": { credentials: [registry.credential(registry.forGuests)] },
    updates: published.settings,
  };
  const node = await cluster.boot(name, settings, { image: published.images.older.image });
  await cluster.untilReady(node);
  return node;
}

/** The driver's StatefulSet on a node, which loads the module that nobody has signed. */
function driverSet(node: string) {
  const labels = { app: "driver" };
  const container = {
    name: "main",
    image,
    args: ["unsigned"],
    securityContext: { privileged: true },
    volumeMounts: [{ name: "dev", mountPath: "/dev" }],
  };
  const spec = {
    nodeName: node,
    terminationGracePeriodSeconds: 1,
    tolerations: [{ operator: "Exists" }],
    containers: [container],
    volumes: [{ name: "dev", hostPath: { path: "/dev" } }],
  };
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { name: "driver" },
    spec: { serviceName: "driver", selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
  };
}

const logs = async (): Promise<string> => await cluster.kubectl("logs", "driver-0").catch(() => "");
const untilLogged = async (text: RegExp): Promise<void> =>
  await cluster.until(`the driver's pod logs ${text}`, async () => text.test(await logs()));

const loadedModules = async (): Promise<string> => await cluster.kubectl("exec", "driver-0", "--", "lsmod");

/** A file that nobody else opens is opened on the node, and the driver tells of it. */
async function expectEvents(marker: string): Promise<void> {
  await untilLogged(/reading \/dev\/scap0/);
  await cluster.kubectl("exec", "driver-0", "--", "bash", "-c", `cat /etc/${marker} || true`);
  await untilLogged(new RegExp(`opened /etc/${marker}`));
}

test("the image's build offers its kit, and the newer one has none", async () => {
  const shown = await repo("show", published.directory);
  expect(shown).toContain(`${kit(older)}.tar.xz`);
  expect(shown).not.toContain(kit(newer));
});

test(
  "under integrity a privileged StatefulSet cannot load Falco's driver, and its pod logs the kernel's reason",
  async () => {
    host = await boot("node-1");
    await cluster.apply(driverSet("node-1"));
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
