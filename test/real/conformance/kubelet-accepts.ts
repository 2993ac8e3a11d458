/**
 * The promise that kubelet takes what we render: the real program of a minor reads its configuration strictly, with every
 * setting at its default and at two other values.
 *
 * Kubelet then stops at the first thing that is not there, the cluster's authority, which it looks for after it has
 * read and checked its configuration. A field that it does not know makes it say that it reads leniently.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { configurationOf } from "../../../host/files/kubernetes/kubelet-config.ts";
import { flagsOf } from "../../../host/files/kubernetes/kubelet-environment.ts";
import { json, nodeOf } from "../../../host/files/kubernetes/node.ts";
import { makeProgram } from "../../../image/recipes/programs.ts";
import { machineArchitecture } from "../../../image/packages/tools-root.ts";
import { isPresent } from "../../../lib/files/files.ts";
import type { Json } from "../../../lib/text/json.ts";
import { ask } from "../../../lib/program/process.ts";
import { groups } from "../../../settings/groups/group.ts";
import { isAtLeast } from "../../../settings/model/setting.ts";
import type { kubernetesMinors } from "../../../variants/kubernetes.ts";
import { joinedNode } from "../../worlds/host/joined-node.ts";
import { factsOf, settingsOf } from "../../worlds/host/settings.ts";

/** Where it is not in the cache, kubelet is compiled first. */
const compileMs = 30 * 60_000;

export type SettingPairs = Readonly<Record<string, readonly [Json, Json]>>;

/** Two values, other than the default, of every setting that all minors have and kubelet's configuration or command line. */
const values: SettingPairs = {
  "standalone-mode": [true, false],
  "server-tls-bootstrap": [false, true],
  "provider-id": ["aws:///us-west-2a/i-0123", "metal://rack/1"],
  "node-labels": [{ "example.com/pool": "batch" }, { plain: "" }],
  "node-taints": [{ dedicated: ["gpu:NoSchedule", "gpu:NoExecute"] }, { special: ":PreferNoSchedule" }],
  "node-ip": ["10.0.2.15", "fd00::5"],
  "hostname-override": ["node-1.example.com", "node-2"],
  "cluster-dns-ip": ["10.96.0.10", ["10.96.0.10", "fd00::a"]],
  "cluster-domain": ["cluster.example", "example"],
  "static-pods-enabled": [false, true],
  "log-level": [0, 10],
  "max-pods": [1, 250],
  "pod-pids-limit": [-1, 4096],
  "registry-qps": [0, 7],
  "registry-burst": [1, 20],
  "event-qps": [0, 25],
  "event-burst": [1, 50],
  "kube-api-qps": [1, 30],
  "kube-api-burst": [1, 60],
  "allowed-unsafe-sysctls": [["net.core.somaxconn"], ["net.ipv6.*", "kernel.msg*"]],
  "cpu-cfs-quota-enforced": [false, true],
  "enable-debugging-handlers": [false, true],
  "kube-reserved": [{ cpu: "150m" }, { memory: "1Gi", "ephemeral-storage": "2Gi" }],
  "system-reserved": [{ memory: "200Mi" }, { cpu: "100m", pid: "100" }],
  "reserved-cpus": ["0", "0,2-3"],
  "eviction-hard": [{ "memory.available": "15%" }, { "nodefs.available": "1Gi", "pid.available": "10%" }],
  "eviction-soft": [{ "memory.available": "20%" }, { "imagefs.available": "3Gi" }],
  "eviction-max-pod-grace-period": [0, 40],
  "image-gc-high-threshold-percent": [90, 99],
  "image-gc-low-threshold-percent": [0, 50],
  "image-minimum-gc-age": ["0s", "3m"],
  "container-log-max-size": ["1Mi", "12Mi"],
  "container-log-max-files": [2, 7],
  "cpu-manager-policy": ["static", "none"],
  "cpu-manager-reconcile-period": ["1s", "7s"],
  "topology-manager-policy": ["best-effort", "single-numa-node"],
  "topology-manager-scope": ["pod", "container"],
};

/** What a setting needs beside it. */
const beside: Readonly<Record<string, (value: Json) => { [name: string]: Json }>> = {
  "eviction-soft": (value) => ({
    "eviction-soft-grace-period": Object.fromEntries(Object.keys(Object(value)).map((signal) => [signal, "1m30s"])),
  }),
  "shutdown-grace-period-for-critical-pods": () => ({ "shutdown-grace-period": "1m" }),
  "memory-manager-reserved-memory": () => ({ "memory-manager-policy": "Static" }),
};

/** Those that are in other files; each with the reason why it is not above. */
const elsewhere: Readonly<Record<string, string>> = {
  "api-server": "in the kubeconfig",
  "authentication-mode": "in the kubeconfig",
  "bootstrap-token": "in the kubeconfig",
  "cluster-certificate": "a file",
  "cluster-name": "in the kubeconfig",
  "credential-providers": "a file",
  "device-ownership-from-security-context": "in containerd's configuration",
  "eviction-soft-grace-period": "goes with eviction-soft",
  "hostname-override-source": "for a generator",
  "pod-cidr": "below, for a kubelet that is alone",
  "pod-infra-container-image": "in containerd's configuration",
  "pod-network": "in containerd's configuration",
  "server-certificate": "a file, of which kubelet wants a real one",
  "server-key": "a file, of which kubelet wants a real one",
  "static-pods": "files",
  "updates-by-cluster": "for hostd",
};

/** Without root, a kubelet that is alone ends as well, and never touches this machine. */
async function sandbox(folder: string): Promise<[string, ...string[]]> {
  const devices = ["--proc", "/proc", "--dev", "/dev"];
  // Where this machine has both versions of cgroups, kubelet shall see the second, as on a host.
  const unified = "/sys/fs/cgroup/unified";
  const cgroups = (await isPresent(unified)) ? ["--ro-bind", unified, "/sys/fs/cgroup"] : [];
  const binds = ["--ro-bind", "/", "/", "--bind", folder, folder];
  return ["bwrap", "--unshare-all", "--uid", "1000", ...binds, ...cgroups, ...devices];
}

/** @param ofMinor values of settings that not all minors have, or not with the same values */
export function kubeletAccepts(minor: (typeof kubernetesMinors)[number], ofMinor: SettingPairs): void {
  const variant = `metal-k8s-${minor}`;
  const all = { ...values, ...ofMinor };
  let kubelet: string;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "orlop-kubelet-"));
    kubelet = (await makeProgram(`kubernetes-${minor}/kubelet`, { architecture: machineArchitecture() })).path;
  }, compileMs);
  afterAll(async () => rm(folder, { recursive: true, force: true }));

  /** Lines of kubelet's log; each begins with a letter and the date. */
  async function kubeletLog(
    kubernetes: { [name: string]: Json },
    spoil = (text: string): string => text,
  ): Promise<string[]> {
    const facts = factsOf(variant);
    const node = nodeOf(settingsOf({ kubernetes: { ...joinedNode, ...kubernetes } }, variant), facts);
    if (node === undefined) throw new Error("expected a node");
    const config = join(folder, "config");
    await Bun.write(config, spoil(json(configurationOf(node, facts))));
    const here = flagsOf(node).map((flag) => (flag.startsWith("--config=") ? `--config=${config}` : flag));
    const directories = ["root-dir", "cert-dir"].map((name) => `--${name}=${join(folder, name)}`);
    const { stderr } = await ask([...(await sandbox(folder)), kubelet, ...here, ...directories]);
    const isLogLine = (line: string): boolean => /^[WEF]\d{4} /.test(line) || line.includes("lenient");
    return stderr.split("\n").filter((line) => isLogLine(line) && !line.includes("deprecated"));
  }

  function expectAccepted(lines: readonly string[]): void {
    const end = /unable to load client CA file|must be run as uid 0|need to run as root|failed to run Kubelet/;
    expect(lines.filter((line) => /lenient|unknown|invalid configuration|failed to load/i.test(line))).toEqual([]);
    expect(lines.at(-1) ?? "nothing").toMatch(end);
  }

  test("every setting of this minor is tried, or is elsewhere", () => {
    const children = Object.entries(groups.kubernetes.children);
    const ofMinor: string[] = children
      .filter(([, child]) => !("since" in child) || child.since === undefined || isAtLeast(minor, child.since))
      .map(([name]) => name);
    const missing = ofMinor.filter((name) => !(name in all) && !(name in elsewhere));
    const surplus = Object.keys(all).filter((name) => !ofMinor.includes(name));
    expect({ missing, surplus }).toEqual({ missing: [], surplus: [] });
  });

  test("kubelet takes the defaults", async () => {
    expectAccepted(await kubeletLog({}));
  }, 60_000);

  for (const [name, both] of Object.entries(all)) {
    test(`kubelet takes ${name} at two values`, async () => {
      for (const value of both) expectAccepted(await kubeletLog({ [name]: value, ...beside[name]?.(value) }));
    }, 60_000);
  }

  test("kubelet takes the addresses of pods when it is alone", async () => {
    for (const range of ["10.244.0.0/24", "fd00:10::/64"]) {
      expectAccepted(await kubeletLog({ "standalone-mode": true, "pod-network": "bridge", "pod-cidr": range }));
    }
  }, 60_000);

  test("a field that kubelet does not know is found, and a value that it refuses", async () => {
    const unknown = await kubeletLog({}, (text) =>
      text.replace('"maxPods"', '"maxPodz"').replace("{", '{ "maxPodz": 1,'),
    );
    expect(unknown.join("\n")).toContain("lenient");
    const refused = await kubeletLog({}, (text) => text.replace("{", '{ "podPidsLimit": 0, "healthzPort": 99999,'));
    expect(refused.join("\n")).toContain("invalid configuration");
  }, 60_000);
}
