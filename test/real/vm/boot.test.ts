/**
 * Protects: an image boots into a root that the kernel verifies and nobody can write to, with all that its settings
 * promise in place, within the partitions that it makes for itself.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { z } from "zod";
import { reportBody } from "../../../api/report.ts";
import { parseJson } from "../../../lib/text/json.ts";
import { TestHost } from "./test-host.ts";
import { overBudget, processorSeconds } from "./unit-budgets.ts";

const gibibyte = 1024 ** 3;
let host: TestHost;
beforeAll(async () => {
  host = await TestHost.boot("boot", { cpus: 2, diskBytes: 6 * gibibyte });
});
afterAll(async () => host?.[Symbol.asyncDispose]());

// First, for what tests ask of a host is no part of its boot.
test("no unit takes more than three times its share of the boot's processor time", async () => {
  await host.shell.run("systemctl start multi-user.target", 300_000);
  const used = processorSeconds(
    await host.shell.run("systemctl show --property=Id,CPUUsageNSec '*.service' init.scope"),
  );
  expect(used.get("hostd.service")).toBeGreaterThan(0);
  expect(overBudget(used)).toEqual([]);
  // A budget of three times nothing, so that this would see one.
  expect(overBudget(new Map([...used, ["chrony.service", 9 * (used.get("init.scope") ?? 0)]]))).toHaveLength(1);
});

test("every step of the boot is done and every reconciler has converged", async () => {
  const { boot, reconcilers, state, userData } = await host.status();
  expect(boot.filter((step) => step.state !== "done" && step.state !== "skipped")).toEqual([]);
  expect(reconcilers.filter((reconciler) => reconciler.state !== "converged")).toEqual([]);
  expect(userData.problems).toEqual([]);
  expect(state).toBe("running");
});

test("multi-user.target is reached and no unit has failed", async () => {
  await host.eventually("systemctl is-active multi-user.target", (output) => output === "active", 120_000);
  for (const target of ["preconfigured", "configured"]) {
    expect(await host.shell.run(`systemctl is-active ${target}.target`)).toBe("active");
  }
  expect(await host.shell.run("systemctl list-units --failed --plain --no-legend")).toBe("");
});

test("the policy is enforced from the first process", async () => {
  expect((await host.status()).selinux).toBe("enforcing");
  expect(await host.shell.run("cat /proc/1/attr/current")).toContain("system_u:system_r:init_t:s0");
  const files = {
    "/usr/bin/orlop": "host_exec_t",
    "/etc/passwd": "etc_t",
    "/run/api.sock": "api_socket_t",
    "/dev/vda": "disk_t",
    "/var/lib/orlop/datastore": "private_t",
  };
  const labels = await host.shell.run(`stat -L -c %C ${Object.keys(files).join(" ")}`);
  expect(labels.split("\n").map((label) => label.split(":")[2])).toEqual(Object.values(files));
  // Those that this first boot has made, too.
  const partitions = await host.shell.run("stat -c %C /dev/vda[0-9]*");
  expect(new Set(partitions.split("\n").map((label) => label.split(":")[2]))).toEqual(new Set(["disk_t"]));
});

test("the root is an EROFS that the kernel verifies with dm-verity", async () => {
  const [type, options] = (await host.shell.run("findmnt -rno FSTYPE,OPTIONS /")).split(" ");
  expect(type).toBe("erofs");
  expect(options?.split(",")).toContain("ro");
  // Somebody uses the module, and the root is the only device made by the device mapper.
  expect(await host.shell.run("ls -d /sys/block/dm-*")).toBe("/sys/block/dm-0");
  expect(await host.shell.run("cat /sys/block/dm-0/dm/name")).toBe("root");
  expect(await host.shell.run("cat /sys/module/dm_verity/refcnt")).toBe("1");
  expect(await host.shell.run("cat /sys/block/dm-0/ro")).toBe("1");
  const commandLine = await host.shell.run("cat /proc/cmdline");
  expect(commandLine).toMatch(/roothash=[0-9a-f]{64}/);
});

test("nobody writes to the root, not even by mounting it again", async () => {
  expect((await host.shell.try("touch /usr/x")).output).toContain("Read-only file system");
  expect((await host.shell.try("mount -o remount,rw / && touch /usr/x")).exitCode).not.toBe(0);
});

test("/etc is a tmpfs, and what a person writes there is gone after a reboot", async () => {
  expect(await host.shell.run("findmnt -rno FSTYPE /etc")).toBe("tmpfs");
  await host.shell.run("touch /etc/left-behind");
  await host.reboot();
  expect((await host.shell.try("test -e /etc/left-behind")).exitCode).toBe(1);
});

test("/var, /opt and /mnt lie on the data partition, the datastore on the private one", async () => {
  const sourceOf = async (path: string): Promise<string> =>
    host.shell.run(`findmnt -rno PARTLABEL -T ${path} | head -1`);
  for (const path of ["/local", "/var", "/opt", "/mnt"]) expect(await sourceOf(path)).toBe("ORLOP-DATA");
  expect(await sourceOf("/var/lib/orlop")).toBe("ORLOP-PRIVATE");
});

test("the data partition has grown to the end of the disk, and its file system with it", async () => {
  const bytes = Number(await host.eventually("findmnt -bno SIZE /local", (output) => Number(output) > 3 * gibibyte));
  expect(bytes).toBeLessThan(6 * gibibyte);
});

test("whether the data partition can grow is looked at once, and not again because somebody looked", async () => {
  const looks = async (): Promise<number> => await host.startsOf("grow-data@*");
  await host.shell.run("udevadm settle --timeout=60; systemctl start grow-data@vda.service");
  const before = await looks();
  await host.shell.run("udevadm settle --timeout=60; sleep 10");
  expect(await looks()).toBe(before);
});

test("nothing but the remote API is open to the network, and that only while it is on", async () => {
  // "udp UNCONN 0 0 0.0.0.0:5355 0.0.0.0:*"; what is bound to loopback or to the link of a lease is not.
  const open = async (): Promise<string[]> =>
    (await host.shell.run("ss -lntuH"))
      .split("\n")
      .map((line) => line.split(/\s+/))
      .map(([protocol = "", , , , local = ""]) => `${protocol} ${local.replace(/^(?:\*|0\.0\.0\.0|\[::\]):/, "any:")}`)
      .filter((socket) => !/ (?:127\.\d+\.\d+\.\d+|\[::1\])(?:%\w+)?:/.test(socket))
      // The client of DHCP, bound to the address that it got.
      .filter((socket) => !/^udp (?:10\.0\.2\.15%eth0:68|\[fe80::.*\]%eth0:546)$/.test(socket));
  expect(await open()).toEqual(["tcp any:8443"]);
  await host.shell.run("apiclient set api.remote.enabled=false");
  expect(await open()).toEqual([]);
  await host.shell.run("apiclient set api.remote.enabled=true");
  expect(await open()).toEqual(["tcp any:8443"]);
});

test("the kernel has the parameters of os/sysctl, on links that came later too", async () => {
  const wanted = {
    "kernel.kexec_load_disabled": "1",
    "kernel.sysrq": "0",
    "kernel.io_uring_disabled": "1",
    "dev.tty.ldisc_autoload": "0",
    "fs.protected_fifos": "2",
    "fs.protected_regular": "2",
    "fs.suid_dumpable": "0",
    ...Object.fromEntries(
      ["all", "default", "eth0"].flatMap((link) => [
        [`net.ipv4.conf.${link}.accept_redirects`, "0"],
        [`net.ipv4.conf.${link}.secure_redirects`, "0"],
        [`net.ipv4.conf.${link}.send_redirects`, "0"],
        [`net.ipv6.conf.${link}.accept_redirects`, "0"],
      ]),
    ),
  };
  await host.eventually("systemctl is-active forbid-kexec.service", (output) => output === "active", 60_000);
  const values = (await host.shell.run(`sysctl -n ${Object.keys(wanted).join(" ")}`)).split("\n");
  expect(Object.fromEntries(Object.keys(wanted).map((name, at) => [name, values[at]]))).toEqual(wanted);
});

test("every service of the host is confined, or its unit says why it is not", async () => {
  const mostExposure = 5;
  const text = await host.shell.run("systemd-analyze security --no-pager --json=short", 120_000);
  const services = z.array(z.object({ unit: z.string(), exposure: z.coerce.number() })).parse(parseJson(text));
  expect(services.length).toBeGreaterThan(10);
  const exposed: string[] = [];
  for (const { unit, exposure } of services.filter((service) => service.exposure > mostExposure)) {
    const lines = await host.shell.run(`systemctl cat '${unit}'`);
    if (!/^# Exposed: \S/m.test(lines)) exposed.push(`${unit} ${exposure}`);
  }
  expect(exposed).toEqual([]);
});

test("the API's socket is for root and the group api only", async () => {
  expect(await host.shell.run("stat -c '%a %U %g' /run/api.sock")).toBe("660 root 274");
});

test("a host passes the first level of the CIS benchmark, and its second says what to set", async () => {
  const reported = async (level: number): Promise<Map<string, string>> => {
    const { output } = await host.shell.try(`apiclient report cis --level ${level} --format json`);
    const { results } = reportBody.parse(parseJson(output));
    // What a program can tell was told.
    expect(Object.values(results).filter(({ mode, status }) => mode === "Automatic" && status === "SKIP")).toEqual([]);
    const failures = Object.values(results).filter(({ status }) => status === "FAIL");
    return new Map(failures.map(({ id, error }) => [id, error]));
  };
  const first = await reported(1);
  expect([...first]).toEqual([]);
  expect((await reported(2)).get("3.3.1")).toContain("settings.kernel.modules.sctp.allowed");
  await host.shell.run("apiclient set kernel.modules.sctp.allowed=false");
  expect([...(await reported(2)).keys()]).not.toContain("3.3.1");
  await host.shell.run("apiclient delete kernel.modules.sctp.allowed");
});

test("the boot is marked as a good one", async () => {
  expect((await host.status()).settings.lastGoodBoot?.version).toBeGreaterThan(0);
});
