/**
 * Protects: whatever is wrong with an update, the host comes back from it by itself, on the version that it ran before,
 * and says as exactly as can be known what was wrong. Nobody has to look at the machine.
 *
 * One host, with Secure Boot on and our keys enrolled, takes one good update, which is spoiled in one way after the
 * other, chosen again through the API, and booted. How long each took, from the request
 * to reboot until the old version shows the reason, is printed.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { compile } from "../../../programs/compile.ts";
import { newer } from "./published-images.ts";
import { brokenUnit } from "./spoiled-kernel.ts";
import { kernelPath, SpoiledSet } from "./spoiled-set.ts";

/** From the start of the health gate; nothing that is spoiled here ever becomes healthy. */
const healthTimeoutSeconds = 40;
const goodKernelPath = "/local/good.efi";

/** Services run nothing but the image otherwise. */
const fromAnywhere = "SELinuxContext=system_u:system_r:super_t:s0-s0:c0.c1023";

let spoiled: SpoiledSet;
beforeAll(async () => {
  spoiled = await SpoiledSet.boot("broken-updates");
});
afterAll(async () => spoiled?.[Symbol.asyncDispose]());

test("a good update is written to the inactive set", async () => {
  await spoiled.updating.lockTo("latest", { "timeout-seconds": healthTimeoutSeconds });
  await spoiled.updating.stage(newer);
  await spoiled.updating.host.shell.run(`cp ${kernelPath} ${goodKernelPath} && sync -f ${goodKernelPath}`);
});

test("a kernel that panics", async () => {
  await spoiled.spoil(
    "panic.efi",
    brokenUnit("hostd.service", `ExecStartPre=+/usr/bin/bash -c "echo c > /proc/sysrq-trigger"`),
  );
  expect(await spoiled.reasonOfReturn("kernel panic")).toMatch(/its kernel panicked: .*sysrq triggered crash/);
});

test("a root without an init", async () => {
  await spoiled.spoil("no-init.efi", { start: "switch_root /sysroot /usr/lib/systemd/missing\n" });
  expect(await spoiled.reasonOfReturn("missing init")).toMatch(/its kernel panicked: .*Attempted to kill init/);
});

test("a kernel that hangs", async () => {
  await spoiled.spoil(
    "hang.efi",
    brokenUnit("hostd.service", `ExecStartPre=+/usr/bin/bash -c "echo freeze > /sys/power/state"`),
  );
  expect(await spoiled.reasonOfReturn("kernel hang")).toContain("the watchdog reset the machine");
});

test("a kernel that hangs before there is a systemd", async () => {
  await spoiled.spoil("early-hang.efi", { start: "redirfd -w 1 /sys/power/state echo freeze\n" });
  expect(await spoiled.reasonOfReturn("hang in the initrd")).toContain("the watchdog reset the machine");
});

test("a daemon that crashes", async () => {
  await spoiled.spoil(
    "crash.efi",
    brokenUnit("hostd.service", "ExecStart=", `ExecStart=/usr/bin/bash -c "kill -SEGV $$$$"`),
  );
  const reason = await spoiled.reasonOfReturn("hostd crashes");
  expect(reason).toMatch(/not healthy after 40 s: hostd\.service is activating; it said: .*SEGV/);
});

test("a daemon that hangs", async () => {
  await spoiled.spoil(
    "stopped.efi",
    brokenUnit("hostd.service", `ExecStartPost=+/usr/bin/bash -c "kill -STOP $$MAINPID"`),
  );
  expect(await spoiled.reasonOfReturn("hostd hangs")).toContain("the API does not answer");
});

test("a containerd that does not run", async () => {
  await spoiled.spoil("containerd.efi", brokenUnit("containerd.service", "ExecStart=", "ExecStart=/usr/bin/false"));
  expect(await spoiled.reasonOfReturn("containerd dead")).toMatch(
    /containerd\.service is (activating|failed|inactive)/,
  );
});

test("no network", async () => {
  await spoiled.spoil("network.efi", brokenUnit("systemd-networkd.service", "ExecStart=", "ExecStart=/usr/bin/false"));
  const reason = await spoiled.reasonOfReturn("no network");
  expect(reason).toMatch(/systemd-networkd\.service is (activating|failed|inactive)/);
  expect(reason).toContain("there is no network: no link has an address");
});

test("a migration that fails", async () => {
  await compile("test/real/vm/failing-migration-host.ts", "linux-x64", join(spoiled.served, "hostd"));
  await spoiled.updating.host.shell.run("mkdir -p /local/spoiled");
  await spoiled.fetched("hostd", "/local/spoiled/hostd");
  await spoiled.updating.host.shell.run("chmod 755 /local/spoiled/hostd");
  const elsewhere = ["ExecStart=", "ExecStart=/local/spoiled/hostd", fromAnywhere];
  await spoiled.spoil("migration.efi", brokenUnit("hostd.service", ...elsewhere));
  const reason = await spoiled.reasonOfReturn("failing migration");
  expect(reason).toContain("cannot count the message of the day in lines (0.2.0): settings.motd");
});

test("a data disk without room", async () => {
  await spoiled.updating.host.shell.run(`cp ${goodKernelPath} ${kernelPath} && sync -f ${kernelPath}`);
  const { shell } = spoiled.updating.host;
  // All but the last megabytes at once; these block by block, for a file system does not give all it has in one piece.
  await shell.run("fallocate -l $(($(df --output=avail -B1 /local | tail -1) - 67108864)) /local/full");
  await shell.run("dd if=/dev/zero of=/local/rest bs=4k || sync -f /local");
  try {
    expect(await spoiled.reasonOfReturn("full data disk")).toContain("the data partition is full");
  } finally {
    await spoiled.updating.host.shell.run("rm /local/full /local/rest"); // the shell of this boot
  }
});

test("a hash tree that is damaged after it was verified", async () => {
  const partition = "/dev/disk/by-partlabel/ORLOP-HASH-B";
  const save = `dd if=${partition} of=/local/hash bs=1M conv=fsync`;
  await spoiled.updating.host.shell.run(
    `${save} && dd if=/dev/urandom of=${partition} bs=4k seek=1 count=4 conv=fsync`,
  );
  expect(await spoiled.reasonOfReturn("damaged hash tree")).toMatch(/its kernel panicked: .*verity.* is corrupted/);
  await spoiled.updating.host.shell.run(`dd if=/local/hash of=${partition} bs=1M conv=fsync`);
});

test("a root that is damaged after it was verified", async () => {
  const partition = "/dev/disk/by-partlabel/ORLOP-ROOT-B";
  await spoiled.updating.host.shell.run(
    `dd if=/dev/urandom of=${partition} bs=1M seek=1 count=128 conv=fsync`,
    120_000,
  );
  expect(await spoiled.reasonOfReturn("damaged root")).toMatch(/its kernel panicked: .*verity.* is corrupted/);
});
