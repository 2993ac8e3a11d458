/**
 * Protects: a kernel that crashes leaves what it knew, where settings set memory aside for it, and the machine comes back
 * by itself.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { machineClock } from "../../../lib/clock.ts";
import { TestHost } from "./test-host.ts";

const bootTimeoutMs = 600_000;
const userData = `
[settings.boot.kernel-parameters]
crashkernel = ["256M"]
`;

let host: TestHost;
beforeAll(async () => {
  host = await TestHost.boot("crash-kernel", { userData });
  await host.reboot(); // what a kernel is started with counts from the next boot on
});
afterAll(async () => host?.[Symbol.asyncDispose]());

test("the crash kernel is loaded at boot, into the memory that settings ask for", async () => {
  await host.eventually("cat /sys/kernel/kexec_crash_loaded", (text) => text === "1", bootTimeoutMs);
  expect(await host.shell.run("cat /sys/kernel/kexec_crash_size")).toBe(String(256 * 1024 ** 2));
  expect(await host.shell.run("journalctl -b -u load-crash-kernel.service -o cat")).toContain("into 256 MiB");
});

test("after a crash the machine is back, with the kernel's messages and its memory", async () => {
  const askedAtMs = machineClock.elapsedMs();
  await host.shell.run(`systemd-run --on-active=1 bash -c "echo c > /proc/sysrq-trigger"`);
  await host.running.untilRebooted(askedAtMs, bootTimeoutMs);
  await host.shell.untilNextBoot(AbortSignal.timeout(bootTimeoutMs));
  expect(await host.shell.run("cat /var/log/kdump/dmesg.log")).toMatch(
    /Kernel panic - not syncing: sysrq triggered crash/,
  );
  const keptAt = Number(await host.shell.run("stat -c %Y /var/log/kdump/dmesg.log"));
  expect(Math.floor(Date.parse((await host.status()).kernelCrash?.at ?? "") / 1000)).toBe(keptAt);
  expect(await host.shell.run("head -c 5 /var/log/kdump/vmcore.dump")).toBe("KDUMP");
  expect(await host.shell.run("stat -c %a /var/log/kdump")).toBe("700");
});

test("the support archive has the messages, and not the memory", async () => {
  const files = await host.supportArchive();
  expect(await files.get("kdump.log")?.text()).toContain("sysrq triggered crash");
  expect([...files.keys()].filter((name) => name.includes("vmcore"))).toEqual([]);
});
