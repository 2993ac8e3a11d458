/**
 * Protects: what a setting says is so in the guest, as files, in the kernel and in the programs that read them, and is
 * taken back when the setting is deleted.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Applied } from "../../../api/answers.ts";
import type { JsonObject } from "../../../lib/text/json.ts";
import { makeClients } from "../../../vm/credentials.ts";
import { TestHost } from "./test-host.ts";

let host: TestHost;
beforeAll(async () => {
  host = await TestHost.boot("reconcilers", { extraCards: 3 });
});
afterAll(async () => host?.[Symbol.asyncDispose]());

/** Commits and demands that every reconciler did its part. */
async function apply(settings: JsonObject): Promise<Applied> {
  const applied = await host.commit(settings);
  expect(failures(applied)).toEqual([]);
  return applied;
}

function failures({ result }: Applied): unknown[] {
  return result?.reconcilers.flatMap(({ name, failure }) => (failure === undefined ? [] : [{ name, failure }])) ?? [];
}

test("motd", async () => {
  await apply({ motd: "Guten Tag — 你好" });
  expect(await host.shell.run("cat /etc/motd")).toBe("Guten Tag — 你好");
  await host.reset("settings.motd");
  expect(await host.shell.run("cat /etc/motd")).toBe("Welcome to Orlop!");
});

test("the host's name is the kernel's, in /etc/hostname and /etc/hosts, and resolves", async () => {
  await apply({ network: { hostname: "unheard-of.example.test" } });
  expect(await host.shell.run("cat /proc/sys/kernel/hostname")).toBe("unheard-of.example.test");
  expect(await host.shell.run("cat /etc/hostname")).toBe("unheard-of.example.test");
  expect(await addressOf("unheard-of.example.test")).toMatch(/^(127\.\d+\.\d+\.\d+|::1|10\.0\.2\.15|fe\S+)$/);
});

test("further hosts resolve", async () => {
  await apply({ network: { hosts: [["10.9.8.7", ["registry.example.test", "registry"]]] } });
  expect(await addressOf("registry")).toBe("10.9.8.7");
  await host.reset("settings.network.hosts");
  expect(await addressOf("registry.example.test")).toBeUndefined();
});

/** What programs get for a name, through the C library. */
async function addressOf(name: string): Promise<string | undefined> {
  const { output } = await host.shell.try(`ping -n -c 1 -W 1 ${name}`);
  return /^PING \S+ ?\((\S+?)\)/m.exec(output)?.[1];
}

test("chronyd is restarted once with the time servers of the settings, and not by anything else", async () => {
  const before = await invocation("chrony.service");
  await apply({
    ntp: { "time-servers": [{ address: "10.0.2.2", directive: "server", options: ["iburst", "minpoll 4"] }] },
  });
  expect(await host.shell.run("grep -E '^(server|pool)' /etc/chrony/chrony.conf")).toBe(
    "server 10.0.2.2 iburst minpoll 4",
  );
  const after = await invocation("chrony.service");
  expect(after).not.toBe(before);
  await apply({ motd: "unrelated" });
  expect(await invocation("chrony.service")).toBe(after);
  expect(await host.shell.run("systemctl is-active chrony.service")).toBe("active");
});

test("name servers and search domains reach the resolver", async () => {
  await apply({ dns: { "name-servers": ["10.0.2.3"], "search-list": ["example.test"] } });
  const resolver = await host.eventually("cat /run/systemd/resolve/resolv.conf", (text) =>
    text.includes("example.test"),
  );
  expect(resolver).toMatch(/^nameserver 10\.0\.2\.3$/m);
  expect(resolver).toMatch(/^search example\.test$/m);
  await host.reset("settings.dns");
  await host.eventually("cat /run/systemd/resolve/resolv.conf", (text) => !text.includes("example.test"));
});

test("kernel parameters are set, and are what they were once their settings are deleted", async () => {
  const before = await host.shell.run("cat /proc/sys/net/ipv4/ip_default_ttl");
  await apply({ kernel: { sysctl: { "net.ipv4.ip_default_ttl": "77", "vm.max_map_count": "300000" } } });
  expect(await host.shell.run("cat /proc/sys/net/ipv4/ip_default_ttl /proc/sys/vm/max_map_count")).toBe("77\n300000");
  await host.reset("settings.kernel.sysctl");
  expect(await host.shell.run("cat /proc/sys/net/ipv4/ip_default_ttl")).toBe(before);
});

test("what the kernel does not have is a warning to who commits it, and hinders nothing else", async () => {
  const kernel = { sysctl: { "net.ipv4.no_such_thing": "1" }, modules: { no_such_module: { autoload: true } } };
  const applied = await host.commit({ kernel, motd: "all the same" });
  expect(failures(applied)).toEqual([]);
  expect(applied.result?.reconcilers.flatMap(({ warnings = [] }) => warnings)).toEqual([
    "cannot load kernel module no_such_module: the kernel has no such module",
    expect.stringContaining("cannot set net.ipv4.no_such_thing: the kernel has no such parameter"),
  ]);
  expect(await host.shell.run("cat /etc/motd")).toBe("all the same");
  const { state, reconcilers } = await host.status();
  expect([state, reconcilers.filter(({ warnings }) => warnings !== undefined).length]).toEqual(["running", 2]);
  await host.reset("settings.kernel.sysctl", "settings.kernel.modules");
});

test("a built-in module and an alias of others are loaded, and at rest", async () => {
  // Neither name need be in /sys/module.
  const builtIn = await host.shell.run("grep -o '[^/]*[.]ko$' /lib/modules/$(uname -r)/modules.builtin | head -1");
  const modules = { [builtIn.replace(/\.ko$/, "")]: { autoload: true }, "fs-overlay": { autoload: true } };
  await apply({ kernel: { modules } });
  expect((await host.status()).state).toBe("running");
  await host.reset("settings.kernel.modules");
});

test("a module is loaded when it is to be, and cannot be when it is forbidden", async () => {
  expect((await host.shell.try("grep -q ^dummy /proc/modules")).exitCode).toBe(1);
  await apply({ kernel: { modules: { dummy: { allowed: true, autoload: true }, ifb: { allowed: false } } } });
  expect(await host.shell.run("grep -c ^dummy /proc/modules")).toBe("1");
  expect((await host.shell.try("modprobe ifb")).exitCode).not.toBe(0);
  await host.reset("settings.kernel.modules");
  await host.shell.run("modprobe ifb && modprobe -r ifb dummy");
});

test("swap space is made in compressed memory, made anew when it shall be another one, and goes", async () => {
  const swaps = "tail -n +2 /proc/swaps";
  expect(await host.shell.run(swaps)).toBe("");
  await apply({ kernel: { zram: { enabled: true, "memory-percent": 25 } } });
  await host.eventually(swaps, (text) => text.startsWith("/dev/zram0"));
  expect(await host.shell.run("cat /sys/block/zram0/comp_algorithm")).toContain("[zstd]");
  const memory = 1024 * Number(/\d+/.exec(await host.shell.run("grep ^MemTotal /proc/meminfo"))?.[0]);
  expect(Number(await host.shell.run("cat /sys/block/zram0/disksize")) / memory).toBeCloseTo(0.25, 2);
  await apply({ kernel: { zram: { algorithm: "lz4" } } });
  await host.eventually(swaps, (text) => text.startsWith("/dev/zram0"));
  expect(await host.shell.run("cat /sys/block/zram0/comp_algorithm")).toContain("[lz4]");
  await host.reset("settings.kernel.zram.enabled");
  await host.eventually(swaps, (text) => text === "");
});

test("a proxy is in the environment of containerd, which is restarted for it", async () => {
  const before = await invocation("containerd.service");
  await apply({ network: { "https-proxy": "http://proxy.example.test:3128", "no-proxy": ["10.0.0.0/8"] } });
  expect(await invocation("containerd.service")).not.toBe(before);
  const environment = await host.shell.run(
    "tr '\\0' '\\n' < /proc/$(systemctl show -p MainPID --value containerd)/environ",
  );
  expect(environment).toContain("HTTPS_PROXY=http://proxy.example.test:3128\n");
  expect(environment).toMatch(/^NO_PROXY=10\.0\.0\.0\/8,localhost,127\.0\.0\.1/m);
  await host.reset("settings.network.https-proxy", "settings.network.no-proxy");
});

test("a trusted certificate authority joins the store, and leaves it when it is no longer trusted", async () => {
  const { certificate } = await makeClients();
  const [, middle = ""] = certificate.split("\n");
  const data = Buffer.from(certificate).toString("base64");
  const count = async (): Promise<string> => host.shell.run("grep -c BEGIN /etc/ssl/certs/ca-certificates.crt");
  const before = Number(await count());
  await apply({ pki: { ours: { data, trusted: true } } });
  expect(Number(await count())).toBe(before + 1);
  expect(await host.shell.run(`grep -cF '${middle}' /etc/pki/tls/certs/ca-bundle.crt`)).toBe("1");
  await apply({ pki: { ours: { trusted: false } } });
  expect(Number(await count())).toBe(before);
  await host.reset("settings.pki");
});

test("mirrors of registries are where containerd looks for them", async () => {
  const mirrors = [{ registry: "docker.io", endpoint: ["https://mirror.example.test"] }];
  await apply({ "container-registry": { mirrors } });
  const hosts = await host.shell.run("cat /etc/containerd/certs.d/docker.io/hosts.toml");
  expect(hosts).toContain('[host."https://mirror.example.test"]');
  await host.reset("settings.container-registry.mirrors");
  expect((await host.shell.try("test -e /etc/containerd/certs.d/docker.io/hosts.toml")).exitCode).toBe(1);
});

test("net.toml gives links static addresses, a bond and a VLAN, and the rest of the host comes back", async () => {
  await host.shell.run(`cat > /var/lib/orlop/net.toml <<'END'
version = 3

[eth0]
dhcp4 = true
primary = true

[eth1.static4]
addresses = ["192.0.2.10/24"]

[[eth1.route]]
to = "198.51.100.0/24"
via = "192.0.2.1"

[bond0]
kind = "bond"
mode = "active-backup"
interfaces = ["eth2", "eth3"]

[bond0.monitoring]
miimon-frequency-ms = 100
miimon-updelay-ms = 200
miimon-downdelay-ms = 200

[bond0.static4]
addresses = ["192.0.3.10/24"]

[vlan42]
kind = "vlan"
device = "bond0"
id = 42

[vlan42.static4]
addresses = ["192.0.4.10/24"]
END`);
  const status = await host.reboot();
  expect(status.reconcilers.filter(({ failure }) => failure !== undefined)).toEqual([]);
  const address = (link: string): string => `ip -4 -o address show dev ${link} | grep -o 'inet [0-9./]*'`;
  await host.eventually(address("eth1"), (text) => text === "inet 192.0.2.10/24");
  expect(await host.shell.run("ip route show 198.51.100.0/24")).toContain("via 192.0.2.1 dev eth1");
  await host.eventually(address("bond0"), (text) => text === "inet 192.0.3.10/24");
  expect(await host.shell.run("cat /sys/class/net/bond0/bonding/mode")).toBe("active-backup 1");
  expect((await host.shell.run("cat /sys/class/net/bond0/bonding/slaves")).split(" ").toSorted()).toEqual([
    "eth2",
    "eth3",
  ]);
  expect(await host.shell.run("cat /sys/class/net/bond0/bonding/miimon")).toBe("100");
  await host.eventually(address("vlan42"), (text) => text === "inet 192.0.4.10/24");
  expect(await host.shell.run("cat /proc/net/vlan/vlan42")).toContain("VID: 42");
  expect(await host.shell.run(address("eth0"))).toBe("inet 10.0.2.15/24");
});

test("lockdown is raised at once and never lowered before a reboot", async () => {
  await apply({ kernel: { lockdown: "integrity" } });
  expect(await host.shell.run("cat /sys/kernel/security/lockdown")).toContain("[integrity]");
  await host.commit({ kernel: { lockdown: "none" } });
  expect(await host.shell.run("cat /sys/kernel/security/lockdown")).toContain("[integrity]");
  expect((await host.status()).rebootNeeded.length).toBeGreaterThan(0);
  const status = await host.reboot();
  expect(status.rebootNeeded).toEqual([]);
  expect(await host.shell.run("cat /sys/kernel/security/lockdown")).toContain("[none]");
});

/** Changes whenever systemd starts the unit anew. */
async function invocation(unit: string): Promise<string> {
  const id = await host.shell.run(`systemctl show -p InvocationID --value ${unit}`);
  expect(id).toMatch(/^[0-9a-f]{32}$/);
  return id;
}
