/** The reconcilers of the kernel's own settings: sysctl, modules, lockdown, hostname. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Json } from "../../lib/json.ts";
import { factsOf, settingsOf } from "../../test/settings.ts";
import { testSystem } from "../../test/system.ts";
import { runSystemd } from "../../test/systemd.ts";
import { hostname } from "./hostname.ts";
import { kernelModules } from "./kernel-modules.ts";
import { lockdown } from "./lockdown.ts";
import { planSysctl, sysctl, sysctlPath } from "./sysctl.ts";

const facts = factsOf();
const withKernel = (kernel: Json) => settingsOf({ kernel });

test("sysctl writes only what differs, then rests", async () => {
  await using host = await testSystem();
  await host.write("/proc/sys/net/ipv4/ip_forward", "0\n");
  await host.write("/proc/sys/net/ipv4/tcp_wmem", "4096\t16384\t4194304\n");
  const settings = withKernel({ sysctl: { "net.ipv4.ip_forward": "1", "net.ipv4.tcp_wmem": "4096 16384 4194304" } });
  expect((await sysctl.pass(host.system, settings, facts)).effects).toEqual([{ says: "set net.ipv4.ip_forward to 1" }]);
  expect(await host.read("/proc/sys/net/ipv4/ip_forward")).toBe("1");
  expect((await sysctl.pass(host.system, settings, facts)).steps).toBe(0);
});

test("a parameter whose setting is deleted returns to what it was before", async () => {
  await using host = await testSystem();
  await host.write("/proc/sys/vm/swappiness", "60\n");
  await sysctl.pass(host.system, withKernel({ sysctl: { "vm.swappiness": "10" } }), facts);
  await sysctl.pass(host.system, withKernel({ sysctl: { "vm.swappiness": "20" } }), facts);
  const { effects } = await sysctl.pass(host.system, settingsOf(), facts);
  expect(effects).toEqual([{ says: "return vm.swappiness to 60" }]);
  expect(await host.read("/proc/sys/vm/swappiness")).toBe("60");
  expect((await sysctl.pass(host.system, settingsOf(), facts)).steps).toBe(0);
});

test("a parameter that the kernel does not have fails by its name, the others are set", async () => {
  await using host = await testSystem();
  await host.write("/proc/sys/vm/swappiness", "60\n");
  const settings = withKernel({ sysctl: { "vm.no_such_thing": "1", "vm.swappiness": "10" } });
  const { failures } = await sysctl.pass(host.system, settings, facts);
  expect(failures.map(String)).toEqual(["Failure: cannot set vm.no_such_thing: the kernel has no such parameter"]);
  expect(await host.read("/proc/sys/vm/swappiness")).toBe("10");
  expect(await host.readIfPresent("/proc/sys/vm/no_such_thing")).toBeUndefined();
});

test("dots separate words, unless a slash comes first", () => {
  expect(sysctlPath("net.ipv4.ip_forward")).toBe("/proc/sys/net/ipv4/ip_forward");
  expect(sysctlPath("net.ipv4.conf.eth0/100.rp_filter")).toBe("/proc/sys/net/ipv4/conf/eth0.100/rp_filter");
  expect(sysctlPath("net/ipv4/conf/eth0.100/rp_filter")).toBe("/proc/sys/net/ipv4/conf/eth0.100/rp_filter");
});

test("a plan that is carried out leaves nothing to plan", () => {
  const entries = fc.dictionary(fc.constantFrom("a", "b", "c", "d"), fc.constantFrom("0", "1", "0x10", "1\t2"));
  fc.assert(
    fc.property(entries, entries, entries, (wanted, present, before) => {
      const desired = new Map<string, string>(Object.entries(wanted));
      const values = new Map<string, string | undefined>(Object.entries(present));
      const former = new Map<string, string>(Object.entries(before));
      for (const step of planSysctl(desired, { values, former })) {
        values.set(step.key, step.value);
        if (step.kind === "return") former.delete(step.key);
        else if (step.former !== undefined) former.set(step.key, step.former);
      }
      expect(planSysctl(desired, { values, former })).toEqual([]);
    }),
  );
});

test("modules are loaded by a unit, and what is loaded is left alone", async () => {
  await using host = await testSystem();
  const units = runSystemd(host, { "load-module@ip_vs_rr.service": "inactive" });
  await mkdir(join(host.system.root, "sys/module/overlay"), { recursive: true });
  const systemctl = host.programs.get("systemctl");
  host.programs.set("systemctl", async (argv, limits) => {
    await mkdir(join(host.system.root, "sys/module/ip_vs_rr"));
    return systemctl?.(argv, limits) ?? "";
  });
  const settings = withKernel({ modules: { "ip-vs-rr": { autoload: true }, overlay: { autoload: true } } });
  const { effects } = await kernelModules.pass(host.system, settings, facts);
  expect(effects).toEqual([{ says: "load kernel module ip_vs_rr" }]);
  expect(units.get("load-module@ip_vs_rr.service")?.started).toBe(1);
  expect((await kernelModules.pass(host.system, settings, facts)).steps).toBe(0);
});

test("a module that cannot be loaded fails with what modprobe said", async () => {
  await using host = await testSystem();
  const units = runSystemd(host);
  const breaks = { result: "exit-code", journal: "modprobe: FATAL: Module nosuch not found" };
  units.set("load-module@nosuch.service", { state: "inactive", started: 0, reloaded: 0, breaks });
  const settings = withKernel({ modules: { nosuch: { autoload: true } } });
  const { failures } = await kernelModules.pass(host.system, settings, facts);
  expect(failures[0]).toMatchObject({ unit: "load-module@nosuch.service", journal: breaks.journal });
});

test("a module that is forbidden while it is loaded needs a reboot", async () => {
  await using host = await testSystem();
  await mkdir(join(host.system.root, "sys/module/sctp"), { recursive: true });
  const settings = withKernel({ modules: { sctp: { allowed: false }, udf: { allowed: false } } });
  const { rebootNeeded, effects } = await kernelModules.preview(host.system, settings, facts);
  expect(rebootNeeded).toEqual(["settings.kernel.modules.sctp.allowed is false, but the module is loaded"]);
  expect(effects).toEqual([]);
});

const file = "/sys/kernel/security/lockdown";
const cases: [actual: string, desired: string, written: string | undefined, reboot: boolean][] = [
  ["[none] integrity confidentiality", "integrity", "integrity", false],
  ["none [integrity] confidentiality", "confidentiality", "confidentiality", false],
  ["none [integrity] confidentiality", "integrity", undefined, false],
  ["none integrity [confidentiality]", "none", undefined, true],
];
for (const [actual, desired, written, reboot] of cases) {
  test(`lockdown from ${/\[(.*)\]/.exec(actual)?.[1]} to ${desired}`, async () => {
    await using host = await testSystem();
    await host.write(file, `${actual}\n`);
    const pass = await lockdown.pass(host.system, withKernel({ lockdown: desired }), facts);
    expect((await host.read(file)).slice(0, written?.length ?? actual.length)).toBe(written ?? actual);
    expect(pass.rebootNeeded).toHaveLength(reboot ? 1 : 0);
  });
}

test("a kernel without lockdown refuses to be raised, and is fine with none", async () => {
  await using host = await testSystem();
  expect((await lockdown.pass(host.system, withKernel({ lockdown: "none" }), facts)).steps).toBe(0);
  const { failures } = await lockdown.pass(host.system, withKernel({ lockdown: "integrity" }), facts);
  expect(failures.map(String)).toEqual(["Failure: cannot raise kernel lockdown to integrity"]);
});

test("the kernel gets the host's name, and keeps its own while there is none", async () => {
  await using host = await testSystem();
  await host.write("/proc/sys/kernel/hostname", "localhost\n");
  expect((await hostname.pass(host.system, settingsOf(), facts)).steps).toBe(0);
  const settings = settingsOf({ network: { hostname: "node-1" } });
  expect((await hostname.pass(host.system, settings, facts)).effects).toEqual([{ says: "name this host node-1" }]);
  expect(await host.read("/proc/sys/kernel/hostname")).toBe("node-1");
  expect((await hostname.pass(host.system, settings, facts)).steps).toBe(0);
});
