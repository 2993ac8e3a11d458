/**
 * The CIS benchmark for Bottlerocket, as its `apiclient report cis` has it: the same checks, by what this host has in place of
 * Bottlerocket's files. Source: bloodhound, `src/bin/bottlerocket-cis-checks`.
 */
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { kernelParameters } from "../machine/firmware.ts";
import { securityMode } from "../machine/security-mode.ts";
import { hostPath, type System } from "../machine/system.ts";
import { activeState } from "../machine/unit.ts";
import { failed, passed, withoutFaults, type Benchmark, type CheckOutcome } from "./benchmark.ts";
import { deniedModule, denyByDefault, lineBeginning, loopbackRules, sysctls } from "./looks.ts";

export const cisBottlerocket: Benchmark = {
  name: "CIS Bottlerocket Benchmark",
  version: "v1.0.0",
  url: "https://www.cisecurity.org/benchmark/bottlerocket",
  prefix: "br",
  checks: [
    { id: "1.1.1.1", level: 2, title: "Ensure mounting of udf filesystems is disabled", look: deniedModule("udf") },
    { id: "1.2.1", level: 1, title: "Ensure software update repositories are configured" },
    { id: "1.3.1", level: 1, title: "Ensure dm-verity is configured", look: verifiedRoot },
    {
      id: "1.4.1",
      level: 1,
      title: "Ensure setuid programs do not create core dumps",
      look: sysctls({ "fs.suid_dumpable": ["0"] }),
    },
    {
      id: "1.4.2",
      level: 1,
      title: "Ensure address space layout randomization (ASLR) is enabled",
      look: sysctls({ "kernel.randomize_va_space": ["2"] }),
    },
    {
      id: "1.4.3",
      level: 1,
      title: "Ensure unprivileged eBPF is disabled",
      look: sysctls({ "kernel.unprivileged_bpf_disabled": ["1", "2"] }),
    },
    {
      id: "1.4.4",
      level: 2,
      title: "Ensure user namespaces are disabled",
      look: sysctls({ "user.max_user_namespaces": ["0"] }),
    },
    { id: "1.5.1", level: 1, title: "Ensure SELinux is configured", look: selinux },
    { id: "1.5.2", level: 2, title: "Ensure Lockdown is configured", look: lockdown },
    { id: "1.6", level: 1, title: "Ensure updates, patches, and additional security software are installed" },
    { id: "2.1.1.1", level: 1, title: "Ensure chrony is configured", look: chrony },
    {
      id: "3.1.1",
      level: 2,
      title: "Ensure packet redirect sending is disabled",
      look: sysctls(ofAllLinks(["ipv4"], "send_redirects", "0")),
    },
    {
      id: "3.2.1",
      level: 2,
      title: "Ensure source routed packets are not accepted",
      look: sysctls(ofAllLinks(["ipv4", "ipv6"], "accept_source_route", "0")),
    },
    {
      id: "3.2.2",
      level: 2,
      title: "Ensure ICMP redirects are not accepted",
      look: sysctls(ofAllLinks(["ipv4", "ipv6"], "accept_redirects", "0")),
    },
    {
      id: "3.2.3",
      level: 2,
      title: "Ensure secure ICMP redirects are not accepted",
      look: sysctls(ofAllLinks(["ipv4"], "secure_redirects", "0")),
    },
    {
      id: "3.2.4",
      level: 2,
      title: "Ensure suspicious packets are logged",
      look: sysctls(ofAllLinks(["ipv4"], "log_martians", "1")),
    },
    {
      id: "3.2.5",
      level: 1,
      title: "Ensure broadcast ICMP requests are ignored",
      look: sysctls({ "net.ipv4.icmp_echo_ignore_broadcasts": ["1"] }),
    },
    {
      id: "3.2.6",
      level: 1,
      title: "Ensure bogus ICMP responses are ignored",
      look: sysctls({ "net.ipv4.icmp_ignore_bogus_error_responses": ["1"] }),
    },
    {
      id: "3.2.7",
      level: 1,
      title: "Ensure TCP SYN Cookies is enabled",
      look: sysctls({ "net.ipv4.tcp_syncookies": ["1"] }),
    },
    { id: "3.3.1", level: 2, title: "Ensure SCTP is disabled", look: deniedModule("sctp") },
    { id: "3.4.1.1", level: 2, title: "Ensure IPv4 default deny firewall policy", look: denyByDefault("iptables") },
    {
      id: "3.4.1.2",
      level: 2,
      title: "Ensure IPv4 loopback traffic is configured",
      look: loopbackRules("iptables", "127.0.0.0/8"),
    },
    { id: "3.4.1.3", level: 2, title: "Ensure IPv4 outbound and established connections are configured" },
    { id: "3.4.2.1", level: 2, title: "Ensure IPv6 default deny firewall policy", look: denyByDefault("ip6tables") },
    {
      id: "3.4.2.2",
      level: 2,
      title: "Ensure IPv6 loopback traffic is configured",
      look: loopbackRules("ip6tables", "::1/128"),
    },
    { id: "3.4.2.3", level: 2, title: "Ensure IPv6 outbound and established connections are configured" },
    {
      id: "4.1.1.1",
      level: 1,
      title: "Ensure journald is configured to write logs to persistent disk",
      look: persistentJournal,
    },
    { id: "4.1.2", level: 1, title: "Ensure permissions on journal files are configured", look: journalModes },
  ],
};

function ofAllLinks(families: readonly string[], name: string, value: string): Record<string, string[]> {
  return Object.fromEntries(
    families.flatMap((family) => ["all", "default"].map((link) => [`net.${family}.conf.${link}.${name}`, [value]])),
  );
}

async function verifiedRoot(system: System): Promise<CheckOutcome> {
  const names = (await kernelParameters(system)).map((parameter) => parameter.split("=")[0]);
  return withoutFaults(
    ["roothash", "veritysize", "veritytable"]
      .filter((name) => !names.includes(name))
      .map((name) => `the kernel was started without ${name}`),
  );
}

async function selinux(system: System): Promise<CheckOutcome> {
  const mode = await securityMode(system);
  if (mode === "disabled") return failed("the kernel was started without SELinux");
  return mode === "enforcing" ? passed : failed("SELinux is permissive");
}

async function lockdown(system: System): Promise<CheckOutcome> {
  const text = await readFile(hostPath(system, "/sys/kernel/security/lockdown"), "utf8");
  const mode = /\[(\w+)\]/.exec(text)?.[1] ?? "none";
  return mode === "none" ? failed("the kernel is not locked down") : passed;
}

async function chrony(system: System): Promise<CheckOutcome> {
  const sources = await lineBeginning(system, "/etc/chrony/chrony.conf", ["pool ", "server ", "peer "]);
  if (sources.status !== "PASS") return sources;
  const state = await activeState(system, "chrony.service", { limitMs: 10_000 });
  return state === "active" ? passed : failed(`chrony.service is ${state}`);
}

async function persistentJournal(system: System): Promise<CheckOutcome> {
  const directory = "/usr/lib/systemd/journald.conf.d";
  const files = await readdir(hostPath(system, directory));
  const found = await Promise.all(
    files.map(async (name) => await lineBeginning(system, join(directory, name), ["Storage=persistent"])),
  );
  return found.find(({ status }) => status === "PASS") ?? failed(`no file of ${directory} has Storage=persistent`);
}

async function journalModes(system: System): Promise<CheckOutcome> {
  const directory = "/var/log/journal";
  const entries = await readdir(hostPath(system, directory), { recursive: true, withFileTypes: true });
  const faults: string[] = [];
  for (const entry of entries.filter((each) => each.isFile())) {
    const { mode } = await stat(join(entry.parentPath, entry.name));
    if ((mode & 0o007) !== 0) faults.push(`${entry.name} is open to everybody`);
  }
  return withoutFaults(faults);
}
