/**
 * Protects: an update is taken whole or not at all, one that is bad goes back by itself with the reason, and no power
 * cut on the way loses the machine or its settings.
 *
 * Two images with different versions and one repository; a version lock makes each the update of the other.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { UpdateStatusBody } from "../../api/status.ts";
import { repoCommands, repoGroups } from "../../cli/repo.ts";
import { builtImage } from "../../cli/built-image.ts";
import type { Built } from "../../image/build.ts";
import { invoke } from "../../lib/command-line.ts";
import { program } from "../../lib/command.ts";
import { readTextIfPresent } from "../../lib/files.ts";
import { serveRepository } from "../../repo/serve.ts";
import { TestHost } from "./test-host.ts";

const directory = join(import.meta.dir, "../../build/test/update");
const [older, newer] = ["0.1.0", "0.2.0"] as const;
const signal = new AbortController().signal;
/** An update is a few hundred megabytes, written and read back by an emulated processor. */
const prepareTimeoutMs = 600_000;
const returnTimeoutMs = 300_000;

let host: TestHost;
let server: ReturnType<typeof serveRepository>;

const orlop = program({
  name: "orlop",
  summary: "For this test",
  version: "0.0.0",
  options: {},
  groups: repoGroups,
  commands: repoCommands,
  context: (invocation) => ({ invocation }),
});

async function repo(...words: string[]): Promise<void> {
  const { exitCode, stderr } = await invoke(orlop, ["repo", ...words]);
  if (exitCode !== 0) throw new Error(`repo ${words.join(" ")}: ${stderr}`);
}

/** Keys and root role are kept between runs, so that the images need not be made anew. */
async function madeKeys(): Promise<{ publication: string; rootJson: string }> {
  const keys = join(directory, "keys");
  const [root, publication] = [join(keys, "root.pem"), join(keys, "publication.pem")];
  const rootJson = join(keys, "root.json");
  if ((await readTextIfPresent(rootJson)) === undefined) {
    await rm(keys, { recursive: true, force: true });
    await mkdir(keys, { recursive: true });
    for (const file of [root, publication]) await repo("key", "generate", file);
    const first = join(keys, "first");
    await repo("init", first, "--root-key", root, "--key", publication);
    await Bun.write(rootJson, await readFile(join(first, "root/1.root.json")));
  }
  return { publication, rootJson };
}

async function image(version: string, updateRoot: string): Promise<Built> {
  const output = join(directory, version);
  return await builtImage({ variant: "dev", architecture: "x86_64", osVersion: version, updateRoot, output }, signal);
}

beforeAll(async () => {
  const { publication, rootJson } = await madeKeys();
  const images = [await image(older, rootJson), await image(newer, rootJson)];
  const repository = join(directory, "repository");
  await rm(repository, { recursive: true, force: true });
  await mkdir(join(repository, "root"), { recursive: true });
  await Bun.write(join(repository, "root/1.root.json"), await readFile(rootJson));
  for (const { manifestPath } of images) {
    await repo("publish-image", repository, manifestPath, "--waves", "none", "--key", publication);
  }
  server = serveRepository(repository);
  const base = `http://10.0.2.2:${server.url.port}`;
  const userData = [
    "[settings]",
    'motd = "kept"',
    "[settings.updates]",
    `metadata-base-url = "${base}/metadata/dev/x86_64/"`,
    `targets-base-url = "${base}/targets/"`,
    "",
  ].join("\n");
  host = await TestHost.boot("update", { userData, image: images[0]?.image ?? "" });
});
afterAll(async () => {
  await host?.[Symbol.asyncDispose]();
  server?.[Symbol.dispose]();
});

type Action = "refreshUpdates" | "prepareUpdate" | "activateUpdate" | "deactivateUpdate";

/** Asks for an action and waits for its own result. */
async function act(action: Action, timeoutMs = 60_000): Promise<UpdateStatusBody> {
  const api = await host.api();
  const before = await api.call("getUpdateStatus").catch(() => undefined);
  await api.call(action);
  for (const deadlineMs = performance.now() + timeoutMs; performance.now() < deadlineMs; await sleep(500)) {
    const status = await api.call("getUpdateStatus").catch(() => undefined);
    const command = status?.most_recent_command;
    if (status === undefined || command?.timestamp === before?.most_recent_command.timestamp) continue;
    if (command?.cmd_status !== "Success") throw new Error(`${action}: ${command?.stderr}`);
    return status;
  }
  throw new Error(`${action} has no result after ${timeoutMs / 1000} s`);
}

async function lockTo(version: string, health: { "http-probes"?: string[]; "timeout-seconds"?: number } = {}) {
  await host.commit({ updates: { "version-lock": version, health } });
}

async function apply(version: string): Promise<void> {
  expect((await act("refreshUpdates")).chosen_update?.version).toBe(version);
  expect((await act("prepareUpdate", prepareTimeoutMs)).update_state).toBe("Staged");
  expect((await act("activateUpdate")).update_state).toBe("Ready");
}

const entries = async (): Promise<string> => await host.shell.run("ls /efi/loader/entries");
const version = async (): Promise<string> => (await host.status()).os.version_id;

/** The version that runs once `signpost` says that its set proved healthy. */
async function proved(): Promise<string> {
  const readHealth = 'signpost status | grep "$(signpost status | sed -n "s/^Active:  //p")": ';
  await host.eventually(readHealth, (text) => text.includes("successful=true"), 120_000);
  return await version();
}

/** Reboots into an update that is bad, and waits until the host is back. */
async function rebootAndReturn(): Promise<void> {
  await (await host.api()).call("reboot");
  await host.shell.untilNextBoot(AbortSignal.timeout(returnTimeoutMs));
  const deadlineMs = performance.now() + returnTimeoutMs;
  for (; performance.now() < deadlineMs; await sleep(2_000)) {
    const status = await host.status().catch(() => undefined);
    if (status?.heldUpdates !== undefined && status.heldUpdates.length > 0 && status.state !== "booting") return;
  }
  throw new Error(`the host did not come back within ${returnTimeoutMs / 1000} s`);
}

test("a fresh host runs from set A, and looks for updates", async () => {
  expect(await host.shell.run("signpost status")).toContain(`Set A:   ${older}`);
  expect(await act("refreshUpdates")).toMatchObject({
    update_state: "Available",
    chosen_update: { version: newer, variant: "dev", arch: "x86_64" },
  });
});

test("power that fails while the update is written costs the update, not the host", async () => {
  await (await host.api()).call("prepareUpdate");
  await sleep(4_000);
  await host.cutPower();
  await host.switchOn();
  await host.untilConfigured();
  expect(await version()).toBe(older);
  expect((await entries()).trim()).toBe("orlop-a.conf");
});

test("an update is written, boots, proves healthy and keeps the settings", async () => {
  await apply(newer);
  expect(await entries()).toContain("orlop-b+1.conf");
  await host.reboot();
  expect(await proved()).toBe(newer);
  expect(await entries()).toContain("orlop-b.conf");
  expect(await host.shell.run("cat /etc/motd")).toBe("kept");
  const peak = Number(await host.shell.run("cat /sys/fs/cgroup/system.slice/hostd.service/memory.peak"));
  expect(peak).toBeGreaterThan(0);
});

test("a cancelled update does not boot", async () => {
  await lockTo(older);
  await apply(older);
  expect((await act("deactivateUpdate")).update_state).toBe("Staged");
  await host.reboot();
  expect(await version()).toBe(newer);
});

test("an update that a check of the user finds wrong goes back by itself, and the check is told", async () => {
  await lockTo(older, { "http-probes": ["http://127.0.0.1:9/healthz"], "timeout-seconds": 20 });
  await apply(older);
  await rebootAndReturn();
  expect(await version()).toBe(newer);
  const [held] = (await host.status()).heldUpdates ?? [];
  expect(held).toMatchObject({ version: older, reason: expect.stringContaining("http://127.0.0.1:9/healthz") });
  expect((await act("refreshUpdates")).chosen_update).toBeNull();
});
