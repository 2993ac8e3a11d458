/** The reconcilers of the kernel's own settings: sysctl, modules, lockdown, hostname. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { mkdir, readFile, rm, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { explain } from "../../../lib/failure.ts";
import type { Json } from "../../../lib/text/json.ts";
import { factsOf, settingsOf } from "../../../test/worlds/host/settings.ts";
import { testSystem } from "../../../test/worlds/host/system.ts";
import { runSystemd } from "../../../test/worlds/host/systemd.ts";
import { hostname } from "../hostname.ts";
import { kernelModules } from "./kernel-modules.ts";
import { lockdown } from "./lockdown.ts";
import { planSysctl, sysctl, sysctlPath, type Parameter } from "./sysctl.ts";

const facts = factsOf();
const withKernel = (kernel: Json) => settingsOf({ kernel });

test("sysctl writes only what differs, then rests", async () => {
  await using host = await testSystem();
  await host.write("/proc/sys/net/ipv4/ip_forward", "0\n");
  await host.write("/proc/sys/net/ipv4/tcp_wmem", "4096\t16384\t4194304\n");
  const settings = withKernel({ sysctl: { "net.ipv4.ip_forward": "1", "net.ipv4.tcp_wmem": "4096 16384 4194304" } });
  expect((await sysctl.reconcile(host.system, settings, facts)).effects).toEqual([
    { description: "set net.ipv4.ip_forward to 1" },
  ]);
  expect(await host.read("/proc/sys/net/ipv4/ip_forward")).toBe("1");
  expect((await sysctl.reconcile(host.system, settings, facts)).steps).toBe(0);
});

test("a parameter that takes a right which the daemon has not is set by a unit, and returned by it", async () => {
  await using host = await testSystem();
  const parameter = join(host.system.root, "proc/sys/user/max_user_namespaces");
  await mkdir(dirname(parameter), { recursive: true });
  // Nobody may write this one.
  await symlink("/sys/kernel/uevent_seqnum", parameter);
  const before = (await readFile(parameter, "utf8")).trim();
  const units = runSystemd(host, { "set-kernel-parameter.service": "inactive" });
  const settings = withKernel({ sysctl: { "user.max_user_namespaces": "16384" } });
  const { effects, setbacks } = await sysctl.reconcile(host.system, settings, facts);
  expect(setbacks).toEqual([]);
  expect(effects).toEqual([{ description: "set user.max_user_namespaces to 16384" }]);
  expect(await host.read("/run/orlop/parameter.conf")).toBe("user.max_user_namespaces = 16384\n");
  await sysctl.reconcile(host.system, settingsOf(), facts);
  expect(await host.read("/run/orlop/parameter.conf")).toBe(`user.max_user_namespaces = ${before}\n`);
  expect(units.get("set-kernel-parameter.service")?.started).toBe(2);
});

test("a parameter that the unit cannot set either is named, with what the unit said as the cause", async () => {
  await using host = await testSystem();
  const parameter = join(host.system.root, "proc/sys/kernel/osrelease");
  await mkdir(dirname(parameter), { recursive: true });
  await symlink("/sys/kernel/uevent_seqnum", parameter);
  const units = runSystemd(host, { "set-kernel-parameter.service": "inactive" });
  const journal = "Couldn't write '6.0' to 'kernel/osrelease': Permission denied";
  units.set("set-kernel-parameter.service", {
    state: "inactive",
    started: 0,
    reloaded: 0,
    breaks: { result: "exit-code", journal },
  });
  const { setbacks } = await sysctl.reconcile(
    host.system,
    withKernel({ sysctl: { "kernel.osrelease": "6.0" } }),
    facts,
  );
  expect(setbacks.map(({ error }) => explain(error))).toEqual([
    expect.stringMatching(/^cannot set kernel\.osrelease: the kernel refuses "6\.0"[^]*exit-code/),
  ]);
});

test("a parameter whose setting is deleted returns to what it was before", async () => {
  await using host = await testSystem();
  await host.write("/proc/sys/vm/swappiness", "60\n");
  await sysctl.reconcile(host.system, withKernel({ sysctl: { "vm.swappiness": "10" } }), facts);
  await sysctl.reconcile(host.system, withKernel({ sysctl: { "vm.swappiness": "20" } }), facts);
  const { effects } = await sysctl.reconcile(host.system, settingsOf(), facts);
  expect(effects).toEqual([{ description: "return vm.swappiness to 60" }]);
  expect(await host.read("/proc/sys/vm/swappiness")).toBe("60");
  expect((await sysctl.reconcile(host.system, settingsOf(), facts)).steps).toBe(0);
});

test("a parameter that the kernel does not have is a warning, and is set once a module brings it", async () => {
  await using host = await testSystem();
  await host.write("/proc/sys/vm/swappiness", "60\n");
  const wanted = { vm: "1", "vm.no_such_thing": "1", "vm.swappiness": "10", "vm.swappiness.more": "1" };
  const settings = withKernel({ sysctl: wanted });
  const { setbacks, warnings } = await sysctl.reconcile(host.system, settings, facts);
  expect(setbacks).toEqual([]);
  const missing = (key: string): string =>
    `cannot set ${key}: the kernel has no such parameter; it is set when a module brings it`;
  expect(warnings).toEqual(["vm", "vm.no_such_thing", "vm.swappiness.more"].map(missing));
  expect((await sysctl.preview(host.system, settings, facts)).warnings).toEqual(warnings);
  expect(await host.read("/proc/sys/vm/swappiness")).toBe("10");
  expect(await host.readIfPresent("/proc/sys/vm/no_such_thing")).toBeUndefined();
  expect((await sysctl.reconcile(host.system, settings, facts)).steps).toBe(0);

  await host.write("/proc/sys/vm/no_such_thing", "0\n");
  const { effects, warnings: left } = await sysctl.reconcile(host.system, settings, facts);
  expect(effects).toEqual([{ description: "set vm.no_such_thing to 1" }]);
  expect(left).not.toContain(missing("vm.no_such_thing"));
});

test("a parameter that went with its module is forgotten once nothing sets it", async () => {
  await using host = await testSystem();
  await host.write("/proc/sys/net/netfilter/nf_conntrack_max", "100\n");
  await sysctl.reconcile(host.system, withKernel({ sysctl: { "net.netfilter.nf_conntrack_max": "200" } }), facts);
  await rm(join(host.system.root, "proc/sys/net/netfilter"), { recursive: true });
  expect((await sysctl.reconcile(host.system, settingsOf(), facts)).setbacks).toEqual([]);
  expect((await sysctl.reconcile(host.system, settingsOf(), facts)).steps).toBe(0);
});

test("dots separate words, unless a slash comes first", () => {
  expect(sysctlPath("net.ipv4.ip_forward")).toBe("/proc/sys/net/ipv4/ip_forward");
  expect(sysctlPath("net.ipv4.conf.eth0/100.rp_filter")).toBe("/proc/sys/net/ipv4/conf/eth0.100/rp_filter");
  expect(sysctlPath("net/ipv4/conf/eth0.100/rp_filter")).toBe("/proc/sys/net/ipv4/conf/eth0.100/rp_filter");
});

test("a plan that is carried out leaves nothing to plan", () => {
  const entries = fc.dictionary(fc.constantFrom("a", "b", "c", "d"), fc.constantFrom("0", "1", "0x10", "1\t2"));
  const there = fc.dictionary(fc.constantFrom("a", "b", "c", "d"), fc.constantFrom("value", "absent"));
  fc.assert(
    fc.property(entries, entries, entries, there, (wanted, present, before, kinds) => {
      const desired = new Map<string, string>(Object.entries(wanted));
      const parameters = new Map<string, Parameter>(
        Object.entries(present).map(([key, value]) => {
          return [key, kinds[key] === "absent" ? { kind: "absent" } : { kind: "value", value }];
        }),
      );
      const former = new Map<string, string>(Object.entries(before));
      for (const step of planSysctl(desired, { parameters, former })) {
        expect(parameters.get(step.key)?.kind).toBe(step.kind === "forget" ? parameters.get(step.key)?.kind : "value");
        if (step.kind !== "forget") parameters.set(step.key, { kind: "value", value: step.value });
        if (step.kind === "set") former.set(step.key, "0");
        else former.delete(step.key);
      }
      expect(planSysctl(desired, { parameters, former })).toEqual([]);
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
  const { effects } = await kernelModules.reconcile(host.system, settings, facts);
  expect(effects).toEqual([{ description: "load kernel module ip_vs_rr" }]);
  expect(units.get("load-module@ip_vs_rr.service")?.started).toBe(1);
  expect((await kernelModules.reconcile(host.system, settings, facts)).steps).toBe(0);
});

test("a module that the kernel does not have is a warning, once and at rest", async () => {
  await using host = await testSystem();
  const units = runSystemd(host);
  const unit = { state: "inactive", started: 0, reloaded: 0, skipped: true } as const;
  units.set("load-module@nosuch.service", { ...unit });
  const settings = withKernel({ modules: { nosuch: { autoload: true } } });
  const warnings = ["cannot load kernel module nosuch: the kernel has no such module"];
  const nothing = { effects: [], setbacks: [], rebootNeeded: [], warnings };
  expect(await kernelModules.reconcile(host.system, settings, facts)).toEqual({ steps: 1, ...nothing });
  expect(await kernelModules.reconcile(host.system, settings, facts)).toEqual({ steps: 0, ...nothing });
  await mkdir(join(host.system.root, "sys/module/nosuch"), { recursive: true });
  expect((await kernelModules.reconcile(host.system, settings, facts)).warnings).toEqual([]);
});

test("a name that modprobe takes is at rest, though it is built in or an alias and never in /sys/module", async () => {
  await using host = await testSystem();
  const units = runSystemd(host, { "load-module@fs_overlay.service": "inactive" });
  const settings = withKernel({ modules: { "fs-overlay": { autoload: true } } });
  const { effects, setbacks } = await kernelModules.reconcile(host.system, settings, facts);
  expect(effects).toEqual([{ description: "load kernel module fs_overlay" }]);
  expect(setbacks).toEqual([]);
  expect(await kernelModules.reconcile(host.system, settings, facts)).toMatchObject({
    steps: 0,
    setbacks: [],
    warnings: [],
  });
  expect(units.get("load-module@fs_overlay.service")?.started).toBe(1);
});

test("a module that cannot be loaded fails with what modprobe said", async () => {
  await using host = await testSystem();
  const units = runSystemd(host);
  const breaks = { result: "exit-code", journal: "modprobe: FATAL: Module nosuch not found" };
  units.set("load-module@nosuch.service", { state: "inactive", started: 0, reloaded: 0, breaks });
  const settings = withKernel({ modules: { nosuch: { autoload: true } } });
  const { setbacks } = await kernelModules.reconcile(host.system, settings, facts);
  expect(setbacks[0]?.error).toMatchObject({ unit: "load-module@nosuch.service", journal: breaks.journal });
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
  ["none [integrity] confidentiality", "none", undefined, true],
  ["none integrity [confidentiality]", "none", undefined, true],
];
for (const [actual, desired, written, reboot] of cases) {
  test(`lockdown from ${/\[(.*)\]/.exec(actual)?.[1]} to ${desired}`, async () => {
    await using host = await testSystem();
    await host.write(file, `${actual}\n`);
    const done = await lockdown.reconcile(host.system, withKernel({ lockdown: desired }), facts);
    expect((await host.read(file)).slice(0, written?.length ?? actual.length)).toBe(written ?? actual);
    expect(done.rebootNeeded).toHaveLength(reboot ? 1 : 0);
    expect(done.warnings).toEqual([]);
    // What lockdown.service writes at the next boot.
    expect(await host.read("/var/lib/orlop/lockdown")).toBe(desired);
  });
}

const secureBoot = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";

test("under Secure Boot no reboot is asked for that would not relax lockdown, and the reason is told", async () => {
  await using host = await testSystem();
  await host.write(secureBoot, "\u0006\0\0\0\u0001", "latin1");
  const none = withKernel({ lockdown: "none" });
  await host.write(file, "none [integrity] confidentiality\n");
  const told = ["settings.kernel.lockdown is none, but Secure Boot keeps the kernel at integrity at every boot"];
  expect(await lockdown.preview(host.system, none, facts)).toEqual({ effects: [], rebootNeeded: [], warnings: told });
  expect(await lockdown.reconcile(host.system, none, facts)).toMatchObject({ rebootNeeded: [], warnings: told });
  await host.write(file, "none integrity [confidentiality]\n");
  expect(await lockdown.preview(host.system, none, facts)).toMatchObject({
    rebootNeeded: ["settings.kernel.lockdown is none, but the kernel keeps confidentiality"],
    warnings: told,
  });
});

test("a kernel without lockdown refuses to be raised, and is fine with none", async () => {
  await using host = await testSystem();
  expect((await lockdown.reconcile(host.system, withKernel({ lockdown: "none" }), facts)).effects).toEqual([]);
  const { setbacks } = await lockdown.reconcile(host.system, withKernel({ lockdown: "integrity" }), facts);
  expect(setbacks.map(({ error }) => String(error))).toEqual(["Failure: cannot raise kernel lockdown to integrity"]);
});

test("the kernel gets the host's name, and keeps its own while there is none", async () => {
  await using host = await testSystem();
  await host.write("/proc/sys/kernel/hostname", "localhost\n");
  expect((await hostname.reconcile(host.system, settingsOf(), facts)).steps).toBe(0);
  const settings = settingsOf({ network: { hostname: "node-1" } });
  expect((await hostname.reconcile(host.system, settings, facts)).effects).toEqual([
    { description: "name this host node-1" },
  ]);
  expect(await host.read("/proc/sys/kernel/hostname")).toBe("node-1");
  expect((await hostname.reconcile(host.system, settings, facts)).steps).toBe(0);
});
