/** Reports, on a machine that is as a benchmark wants it, and on one on which each thing is wrong in turn. */
import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "bun:test";
import { testSystem, type TestSystem } from "../../test/worlds/host/system.ts";
import { reportText, type ReportBody } from "../../api/report.ts";
import { reportOn, type Benchmark } from "./benchmark.ts";
import { cisBottlerocket } from "./cis.ts";
import { cisKubernetes } from "./cis-kubernetes.ts";

const links = ["all", "default"];

const goodParameters: Record<string, string> = {
  "fs/suid_dumpable": "0",
  "kernel/randomize_va_space": "2",
  "kernel/unprivileged_bpf_disabled": "1",
  "user/max_user_namespaces": "0",
  "net/ipv4/icmp_echo_ignore_broadcasts": "1",
  "net/ipv4/icmp_ignore_bogus_error_responses": "1",
  "net/ipv4/tcp_syncookies": "1",
  ...Object.fromEntries(
    links.flatMap((link) => [
      [`net/ipv4/conf/${link}/send_redirects`, "0"],
      [`net/ipv4/conf/${link}/secure_redirects`, "0"],
      [`net/ipv4/conf/${link}/log_martians`, "1"],
      ...["ipv4", "ipv6"].flatMap((family) => [
        [`net/${family}/conf/${link}/accept_source_route`, "0"],
        [`net/${family}/conf/${link}/accept_redirects`, "0"],
      ]),
    ]),
  ),
};

const denying = (network: string): string =>
  [
    "-P INPUT DROP",
    "-P FORWARD DROP",
    "-P OUTPUT DROP",
    "-A INPUT -i lo -j ACCEPT",
    `-A INPUT -s ${network} -j DROP`,
    "-A OUTPUT -o lo -j ACCEPT",
    "",
  ].join("\n");

/** As the benchmark for Bottlerocket wants it, on both levels. */
async function hardenedHost(): Promise<TestSystem> {
  const machine = await testSystem();
  for (const [name, value] of Object.entries(goodParameters)) await machine.write(`/proc/sys/${name}`, `${value}\n`);
  await machine.write("/proc/modules", "overlay 151552 12 - Live 0x0\n");
  await machine.write("/proc/cmdline", "roothash=abcd veritysize=1 veritytable=sha256 quiet");
  await machine.write("/etc/modprobe.d/50-orlop.conf", "install sctp /usr/bin/false\ninstall udf /usr/bin/false\n");
  await machine.write("/sys/fs/selinux/enforce", "1");
  await machine.write("/sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
  await machine.write("/etc/chrony/chrony.conf", "# time\npool time.example.com iburst\n");
  await machine.write("/usr/lib/systemd/journald.conf.d/10-orlop.conf", "[Journal]\nStorage=persistent\n");
  await machine.write("/var/log/journal/0123/system.journal", "");
  await chmod(join(machine.system.root, "/var/log/journal/0123/system.journal"), 0o640);
  machine.programs.set("systemctl", () => "active\n");
  machine.programs.set("iptables", () => denying("127.0.0.0/8"));
  machine.programs.set("ip6tables", () => denying("::1/128"));
  return machine;
}

const kubeletConfiguration = {
  authentication: { anonymous: { enabled: false }, x509: { clientCAFile: "/etc/kubernetes/pki/ca.crt" } },
  authorization: { mode: "Webhook" },
  readOnlyPort: 0,
  tlsCipherSuites: ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"],
  podPidsLimit: 4096,
  seccompDefault: true,
};

async function hardenedNode(changed: object = {}): Promise<TestSystem> {
  const machine = await testSystem();
  const files = {
    "/usr/lib/systemd/system/kubelet.service": ["[Service]\n", 0o600],
    "/etc/kubernetes/kubelet/kubeconfig": ["{}", 0o600],
    "/etc/kubernetes/pki/ca.crt": ["", 0o644],
    "/etc/kubernetes/kubelet/config": [JSON.stringify({ ...kubeletConfiguration, ...changed }), 0o600],
  } as const;
  for (const [path, [text, mode]] of Object.entries(files)) {
    await machine.write(path, text);
    await chmod(join(machine.system.root, path), mode);
  }
  return machine;
}

const report = async (benchmark: Benchmark, { system }: TestSystem, level: 1 | 2 = 2): Promise<ReportBody> =>
  await reportOn(benchmark, level, system);

const failuresOf = ({ results }: ReportBody): string[] =>
  Object.values(results).flatMap(({ id, status, error }) => (status === "FAIL" ? [`${id}: ${error}`] : []));

test("a host as the benchmark wants it passes all that a program can tell, and the rest is left to a person", async () => {
  await using machine = await hardenedHost();
  const body = await report(cisBottlerocket, machine);
  expect(failuresOf(body)).toEqual([]);
  expect(body).toMatchObject({ level: 2, total: 28, passed: 24, failed: 0, skipped: 4, status: "PASS" });
  expect(body.results["br01010101"]).toEqual({
    name: "br01010101",
    id: "1.1.1.1",
    level: 2,
    title: "Ensure mounting of udf filesystems is disabled",
    mode: "Automatic",
    status: "PASS",
    error: "",
  });
  const manual = Object.values(body.results).filter(({ mode }) => mode === "Manual");
  expect(manual.map(({ id, status }) => [id, status])).toEqual(
    ["1.2.1", "1.6", "3.4.1.3", "3.4.2.3"].map((id) => [id, "SKIP"]),
  );
  expect((await report(cisBottlerocket, machine, 1)).total).toBe(13);
});

type Fault = [id: string, error: string, cause: (machine: TestSystem) => Promise<unknown>];

const faults: Fault[] = [
  ["1.1.1.1", "udf is loaded", async (machine) => await machine.write("/proc/modules", "udf 1 0 - Live 0x0\n")],
  [
    "3.3.1",
    "sctp may be loaded: settings.kernel.modules.sctp.allowed is not false",
    async (machine) => await machine.write("/etc/modprobe.d/50-orlop.conf", "install udf /usr/bin/false\n"),
  ],
  [
    "1.3.1",
    "the kernel was started without roothash",
    async (machine) => await machine.write("/proc/cmdline", "veritysize=1 veritytable=a"),
  ],
  ["1.5.1", "SELinux is permissive", async (machine) => await machine.write("/sys/fs/selinux/enforce", "0")],
  [
    "1.5.2",
    "the kernel is not locked down",
    async (machine) => await machine.write("/sys/kernel/security/lockdown", "[none] integrity confidentiality\n"),
  ],
  [
    "2.1.1.1",
    "/etc/chrony/chrony.conf has no line that begins with pool  or server  or peer ",
    async (machine) => await machine.write("/etc/chrony/chrony.conf", "#pool nowhere\n"),
  ],
  ["2.1.1.1", "chrony.service is failed", async ({ programs }) => programs.set("systemctl", () => "failed\n")],
  [
    "3.4.1.1",
    "the policy of FORWARD is not DROP",
    async ({ programs }) =>
      programs.set("iptables", () => denying("127.0.0.0/8").replace("FORWARD DROP", "FORWARD ACCEPT")),
  ],
  [
    "3.4.1.2",
    '"-A INPUT -s 127.0.0.0/8 -j DROP" stands before "-A INPUT -i lo -j ACCEPT"',
    async ({ programs }) =>
      programs.set("iptables", () => {
        const drop = "-A INPUT -s 127.0.0.0/8 -j DROP\n";
        return drop + denying("127.0.0.0/8").replace(drop, "");
      }),
  ],
  [
    "4.1.1.1",
    "no file of /usr/lib/systemd/journald.conf.d has Storage=persistent",
    async (machine) => await machine.write("/usr/lib/systemd/journald.conf.d/10-orlop.conf", "Storage=volatile\n"),
  ],
  [
    "4.1.2",
    "system.journal is open to everybody",
    async ({ system }) => await chmod(join(system.root, "/var/log/journal/0123/system.journal"), 0o644),
  ],
];

test.each(faults)("check %s fails with: %s", async (id, error, cause) => {
  await using machine = await hardenedHost();
  await cause(machine);
  expect(failuresOf(await report(cisBottlerocket, machine))).toEqual([`${id}: ${error}`]);
});

test.each(Object.keys(goodParameters))("a wrong %s fails one check, and its absence is no failure", async (name) => {
  await using machine = await hardenedHost();
  await machine.write(`/proc/sys/${name}`, "7\n");
  const [fault = "", ...others] = failuresOf(await report(cisBottlerocket, machine));
  expect(others).toEqual([]);
  expect(fault).toContain(`${name.replaceAll("/", ".")} is 7, not `);
});

test("what cannot be looked at is skipped with the reason, and a variant without a packet filter fails", async () => {
  await using machine = await testSystem();
  const body = await report(cisBottlerocket, machine);
  expect(body.results["br01040200"]).toMatchObject({ status: "SKIP", error: expect.stringContaining("cannot tell: ") });
  expect(body.results["br03040101"]).toMatchObject({
    status: "FAIL",
    error: "the variant has no iptables: every packet is accepted",
  });
  expect(body.results["br01050100"]).toMatchObject({
    status: "FAIL",
    error: "the kernel was started without SELinux",
  });
});

describe("a Kubernetes node", () => {
  test("as the benchmark wants it passes all that a program can tell", async () => {
    await using machine = await hardenedNode();
    const body = await report(cisKubernetes, machine);
    expect(failuresOf(body)).toEqual([]);
    expect(body).toMatchObject({ total: 24, passed: 19, failed: 0, skipped: 5, status: "PASS" });
    expect(body.results["k8s04011000"]?.id).toBe("4.1.10");
  });

  test.each([
    ["4.2.1", { authentication: { anonymous: { enabled: true }, x509: kubeletConfiguration.authentication.x509 } }],
    ["4.2.2", { authorization: { mode: "AlwaysAllow" } }],
    ["4.2.3", { authentication: { anonymous: { enabled: false } } }],
    ["4.2.4", { readOnlyPort: 10255 }],
    ["4.2.5", { streamingConnectionIdleTimeout: "0s" }],
    ["4.2.6", { makeIPTablesUtilChains: false }],
    ["4.2.9", { tlsCertFile: "/etc/kubernetes/pki/gone.crt" }],
    ["4.2.11", { featureGates: { RotateKubeletServerCertificate: false } }],
    ["4.2.12", { tlsCipherSuites: ["TLS_RSA_WITH_3DES_EDE_CBC_SHA"] }],
    ["4.2.12", { tlsCipherSuites: undefined }],
    ["4.2.13", { podPidsLimit: -1 }],
    ["4.2.14", { seccompDefault: false }],
  ])("fails %s with %j", async (id, changed) => {
    await using machine = await hardenedNode(changed);
    const failures = failuresOf(await report(cisKubernetes, machine));
    expect(failures.map((failure) => failure.split(":")[0])).toEqual([id]);
  });

  test.each([
    ["4.1.1", "/usr/lib/systemd/system/kubelet.service", 0o644],
    ["4.1.5", "/etc/kubernetes/kubelet/kubeconfig", 0o640],
    ["4.1.7", "/etc/kubernetes/pki/ca.crt", 0o664],
    ["4.1.9", "/etc/kubernetes/kubelet/config", 0o604],
  ])("fails %s when %s has the mode %o", async (id, path, mode) => {
    await using machine = await hardenedNode();
    await chmod(join(machine.system.root, path), mode);
    expect(failuresOf(await report(cisKubernetes, machine))).toEqual([
      `${id}: ${path} has the mode ${mode.toString(8)}, more than ${id === "4.1.7" ? "644" : "600"}`,
    ]);
  });

  test("that has joined no cluster yet skips what is not there", async () => {
    await using machine = await testSystem();
    expect(await report(cisKubernetes, machine)).toMatchObject({ passed: 0, failed: 0, skipped: 24, status: "SKIP" });
  });
});

test("as text it is what Bottlerocket prints, with the reason below what did not pass", async () => {
  await using machine = await hardenedHost();
  await machine.write("/sys/fs/selinux/enforce", "0");
  const lines = reportText(await report(cisBottlerocket, machine, 1)).split("\n");
  expect(lines.slice(0, 5)).toEqual([
    "Benchmark name:  CIS Bottlerocket Benchmark",
    "Version:         v1.0.0",
    "Reference:       https://www.cisecurity.org/benchmark/bottlerocket",
    "Benchmark level: 1",
    expect.stringMatching(/^Start time: {6}\d{4}-\d\d-\d\dT[\d:.]+Z$/),
  ]);
  expect(lines).toContain("[PASS] 1.3.1     Ensure dm-verity is configured (Automatic)");
  expect(lines.at(lines.indexOf("[FAIL] 1.5.1     Ensure SELinux is configured (Automatic)") + 1)).toBe(
    "                 SELinux is permissive",
  );
  expect(lines.slice(-6)).toEqual([
    "Passed:          10",
    "Failed:          1",
    "Skipped:         2",
    "Total checks:    13",
    "",
    "Compliance check result: FAIL",
  ]);
});
