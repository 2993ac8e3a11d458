/**
 * Protects: what somebody needs in /usr of a host comes there by a setting, signed by the key of the image and by no other, is
 * what was signed to the last byte, follows the host through an update and back, and goes when the setting goes.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmod, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buildExtension } from "../../../image/extension/build-extension.ts";
import { readBuild } from "../../../image/finished-build.ts";
import { resigned, strangersKey } from "../../worlds/extension/resigned.ts";
import { newer, older, PublishedImages } from "./published-images.ts";
import { directory } from "./test-host.ts";
import { UpdatingHost } from "./updating-host.ts";

const work = join(directory, "extensions-made");
let published: PublishedImages;
let machine: UpdatingHost;

beforeAll(async () => {
  await rm(work, { recursive: true, force: true });
  published = await PublishedImages.open("extensions");
  await offer(await extension("hello", "older"));
  machine = await UpdatingHost.boot("extensions", {
    image: published.images.older.image,
    userData: published.userData("[settings.extensions.hello]", "enabled = true"),
  });
});
afterAll(async () => {
  await machine?.[Symbol.asyncDispose]();
  published?.[Symbol.dispose]();
});

/** A program, and a unit that runs it at each boot. The path of the extension comes back. */
async function extension(name: string, image: "older" | "newer"): Promise<string> {
  const files = {
    [`usr/bin/${name}`]: `#!/bin/bash\necho "${name} for ${{ older, newer }[image]} as $(< /proc/self/attr/current)"\n`,
    [`usr/lib/systemd/system/${name}.service`]: `[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/usr/bin/${name}\n`,
    [`usr/lib/systemd/system/multi-user.target.d/50-${name}.conf`]: `[Unit]\nUpholds=${name}.service\n`,
  };
  const tree = join(work, `${name}-${image}`);
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(tree, path, ".."), { recursive: true });
    await writeFile(join(tree, path), text);
    await chmod(join(tree, path), path.includes("/bin/") ? 0o755 : 0o644);
  }
  const build = await readBuild(published.images[image].manifestPath);
  return await buildExtension(build, { name, sources: [tree], output: work });
}

async function offer(path: string): Promise<void> {
  await published.repo("add-target", path, "--variant", "dev", "--arch", "x86_64");
}

const standings = async () => (await machine.host.status()).extensions;
/** Once the program that fetches has ended. */
async function settled(): Promise<ReturnType<typeof standings>> {
  await machine.host.eventually(
    "systemctl show --value --property=ActiveState 'fetch-extensions@*'",
    (states) => !states.includes("activating"),
  );
  return await standings();
}

test("the first boot of a host has what its user data chooses, and nobody writes there", async () => {
  expect(await standings()).toEqual([{ name: "hello", state: "active" }]);
  const { shell } = machine.host;
  expect(await shell.run("hello")).toContain(`hello for ${older}`);
  expect(await machine.host.eventually("systemctl is-active hello.service", (state) => state.includes("active"))).toBe(
    "active",
  );
  expect(await shell.run("journalctl -b --no-pager -o cat -u hello.service")).toContain(`hello for ${older}`);
  expect(await shell.run("journalctl -b --no-pager -o cat -u hello.service")).toContain(
    "as system_u:system_r:system_t:",
  );
  const { output, exitCode } = await shell.try("touch /usr/bin/hello");
  expect({ output, exitCode }).toEqual({ output: expect.stringContaining("Read-only file system"), exitCode: 1 });
  const label = await shell.run(
    "getfattr --only-values -n security.selinux /usr/bin/hello 2>/dev/null || ls -Z /usr/bin/hello",
  );
  expect(label).toContain("object_r:os_t");
  expect((await machine.host.status()).selinux).toBe("enforcing");
});

test("one that is chosen later waits for a boot; one of another key and one that is not offered are refused", async () => {
  await offer(await extension("extra", "older"));
  await offer(await resigned(await extension("foreign", "older"), await strangersKey(work), join(work, "foreign")));
  const on = { enabled: true };
  const { host } = machine;
  await host.commit({ extensions: { extra: on, foreign: on, unknown: on } });
  expect(await settled()).toEqual([
    { name: "extra", state: "waiting" },
    { name: "foreign", state: "refused", reason: expect.stringContaining("signed by the key with the certificate") },
    { name: "hello", state: "active" },
    { name: "unknown", state: "refused", reason: `the update repository does not have it for ${older}` },
  ]);
  const { state, rebootNeeded } = await host.status();
  expect(state).toBe("degraded");
  expect(rebootNeeded).toContain("the extension extra is in /usr from the next boot on");
  expect((await host.shell.try("command -v extra || command -v foreign")).exitCode).not.toBe(0);
});

test("a byte that was changed on the disk is refused, and the others are there", async () => {
  const { host } = machine;
  const file = `/var/lib/system-extensions/${older}/extra.raw`;
  // A name in one of its directories.
  const start = (await host.shell.run(`grep -abo -m1 'extra' ${file} | head -1`)).split(":")[0] ?? "";
  expect(Number(start)).toBeGreaterThan(0);
  await host.shell.run(`printf X | dd of=${file} bs=1 seek=${start} conv=notrunc status=none && sync`);
  const { extensions = [] } = await host.reboot();
  expect(extensions.find(({ name }) => name === "hello")).toEqual({ name: "hello", state: "active" });
  expect(extensions.find(({ name }) => name === "extra")).toEqual({
    name: "extra",
    state: "refused",
    reason: expect.stringContaining("differs from its hash"),
  });
  await host.reset("settings.extensions.extra", "settings.extensions.foreign", "settings.extensions.unknown");
  expect(await settled()).toEqual([{ name: "hello", state: "active" }]);
  await host.eventually("ls /var/lib/system-extensions/*", (files) => files === "hello.raw");
});

test("an update says which it would lose, and brings the others for its version, though the repository goes away", async () => {
  const explained = async () => await (await machine.host.api()).call("explainUpdates");
  expect((await explained()).missingExtensions).toEqual({ version: newer, names: ["hello"] });
  await offer(await extension("hello", "newer"));
  expect((await explained()).missingExtensions).toBeUndefined();
  await machine.apply(newer);
  published[Symbol.dispose]();
  await machine.host.reboot();
  expect(await machine.version()).toBe(newer);
  expect(await standings()).toEqual([{ name: "hello", state: "active" }]);
  expect(await machine.host.shell.run("hello")).toContain(`hello for ${newer}`);
});

test("the version before has its own again after going back, without the repository", async () => {
  await machine.host.eventually("systemctl is-active mark-successful-boot.service", (state) =>
    state.includes("active"),
  );
  await machine.host.shell.run("signpost rollback-to-inactive");
  await machine.host.reboot();
  expect(await machine.version()).toBe(older);
  expect(await standings()).toEqual([{ name: "hello", state: "active" }]);
  expect(await machine.host.shell.run("hello")).toContain(`hello for ${older}`);
});

test("what nobody chooses any more goes with the next boot, which does without what no repository offers", async () => {
  const { host } = machine;
  await host.reset("settings.extensions.hello");
  expect(await settled()).toEqual([{ name: "hello", state: "leaving" }]);
  expect((await host.status()).rebootNeeded).toEqual(["the extension hello is in /usr until the next boot"]);
  await host.commit({ extensions: { late: { enabled: true } } });
  // The repository is away.
  const late = { name: "late", state: "refused", reason: expect.stringContaining("cannot") } as const;
  const { extensions, state } = await host.reboot();
  expect({ extensions, state }).toEqual({ extensions: [late], state: "degraded" });
  expect((await host.shell.try("command -v hello")).exitCode).not.toBe(0);
  expect(await host.shell.run("systemctl is-active configured.target")).toBe("active");
  await host.reset("settings.extensions.late");
  expect(await settled()).toBeUndefined();
  await host.eventually("ls /var/lib/system-extensions/* | grep raw || echo none", (files) => files === "none");
});
