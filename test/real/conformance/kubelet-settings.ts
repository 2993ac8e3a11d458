/**
 * Settings of a node as people might write them, some of which `userdata check` refuses: a few at a time, near their
 * limits, and within what a machine with two processors, 2 GiB of memory and one NUMA node can give.
 */
import {
  constant,
  constantFrom,
  dictionary,
  oneof,
  record,
  shuffledSubarray,
  uniqueArray,
  type Arbitrary,
} from "fast-check";
import type { Json } from "../../../lib/text/json.ts";
import { isAtLeast } from "../../../settings/model/setting.ts";
import { groups } from "../../../settings/groups/group.ts";
import { joinedNode, servingPair } from "../../worlds/host/joined-node.ts";
import type { KubeletMinor } from "./kubelet-world.ts";

export type NodeTree = { [name: string]: Json };

const flag = constantFrom<Json[]>(true, false);
const durations = constantFrom<Json[]>(
  "0s",
  "1ms",
  "0.5s",
  "1s",
  "2999ms",
  "3s",
  "1m",
  "2m",
  "1h5m",
  ".5h",
  "2562047h",
);
const counts = constantFrom<Json[]>(0, 1, 7, 2_147_483_647, 2_147_483_648, -1);
const percents = constantFrom<Json[]>(0, 1, 50, 79, 80, 81, 84, 85, 86, 99, 100, "90");
const sizes = [
  "0",
  "1",
  "10Mi",
  "1.5Gi",
  "1e6",
  "-1",
  "1500m",
  "1K",
  "1k",
  "1.5k",
  "1Pi",
  "99Ti",
  "100Ti",
  "5.",
  ".5Ki",
  "1n",
];
const memory = constantFrom("0", "100Mi", "256Mi", "1.5Gi", "1e8", "0.5k", "-1", "1K", "1Gi");
const processors = constantFrom("0", "1m", "100m", "0.5", "1", "0.0", "1n", "-1m", "1000000n");
const thresholds = constantFrom("0%", "5%", "99.9%", "100%", "0", "100Mi", "1Gi", "-1Mi", "0.0%", "1e3", ".5%", "1K");
const signals = [
  "memory.available",
  "nodefs.available",
  "nodefs.inodesFree",
  "imagefs.available",
  "imagefs.inodesFree",
  "pid.available",
];
const reserved = record(
  { cpu: processors, memory, "ephemeral-storage": memory, pid: constantFrom("100", "0", "1k", "-5") },
  { requiredKeys: [] },
);
const bySignal = (value: Arbitrary<Json>) => dictionary(constantFrom(...signals), value, { maxKeys: 3 });

const labels = [
  "plain",
  "example.com/pool",
  "kubernetes.io/hostname",
  "node.kubernetes.io/pool",
  "a.node.kubernetes.io/b",
  "node-role.kubernetes.io/worker",
  "k8s.io/a",
  "kubernetes.io/role",
  "topology.kubernetes.io/zone",
  "a.b-c/d_e.f",
];
const taint = constantFrom("gpu:NoSchedule", "gpu:NoExecute", ":PreferNoSchedule", "b:NoSchedule");

const sysctls = [
  "net.core.somaxconn",
  "net.*",
  "net.ipv4.conf.*",
  "kernel.shm*",
  "kernel.shmmax",
  "kernel.shmx",
  "kernel.shmm*",
  "kernel.msg*",
  "kernel.sem",
  "fs.mqueue.*",
  "fs.mqueue*",
  "vm.swappiness",
  "net",
  "net*",
  "kernel.sem*",
];
const oddSysctls = [
  "net/core/somaxconn",
  "net/ipv4/conf/eth0.1/forwarding",
  "Net.core",
  "net..core",
  "*",
  "",
  "net.core_x",
];

const reservedMemory = record(
  {
    enabled: constantFrom(true, true, false),
    memory: constantFrom("1465Mi", "1565Mi", "1665Mi", "100Mi", "1Gi", "1.5Gi", "0", "1124Mi"),
    "hugepages-2Mi": constantFrom("2Mi", "0"),
  },
  { requiredKeys: ["enabled"] },
);

const images = ["*.dkr.ecr.*.amazonaws.com", "registry.example.com:5000/a", "[::1]:5000", "*", "a_b.example/c*"];
const oddImages = ["", "a b", "%zz", "registry:port", "https://a.example", "a.example/?b", "a|b", "a.example:5000:1"];
const provider = record(
  {
    enabled: constantFrom(true, true, false),
    "image-patterns": uniqueArray(constantFrom(...images, ...oddImages), { maxLength: 2 }),
    "cache-duration": constantFrom("0s", "12h", "2562047h"),
    environment: dictionary(constantFrom("AWS_PROFILE", "_a"), constantFrom("pull", ""), { maxKeys: 1 }),
  },
  { requiredKeys: ["enabled"] },
);

/** By setting; those of later minors are left out for earlier ones. */
const values: Readonly<Record<string, Arbitrary<Json>>> = {
  "standalone-mode": flag,
  "server-tls-bootstrap": flag,
  "server-certificate": constantFrom<Json[]>(servingPair["server-certificate"], "Y2EK"),
  "server-key": constantFrom<Json[]>(servingPair["server-key"], "a2V5Cg=="),
  "cluster-certificate": constantFrom<Json[]>(
    joinedNode["cluster-certificate"],
    joinedNode["cluster-certificate"],
    "Y2EK",
  ),
  "provider-id": constantFrom<Json[]>("aws:///us-west-2a/i-0123", "metal://rack 1", ""),
  "node-labels": dictionary(constantFrom(...labels), constantFrom("", "batch", "a_b.c"), {
    maxKeys: 3,
  }),
  "node-taints": dictionary(constantFrom("dedicated", "example.com/gpu"), uniqueArray(taint, { maxLength: 3 }), {
    maxKeys: 2,
  }),
  "node-ip": constantFrom<Json[]>("10.0.2.15", "fd00::5", "0.0.0.0", "::"),
  "hostname-override": constantFrom<Json[]>("node-1.example.com", "node-2", "a".repeat(64)),
  "cluster-dns-ip": constantFrom<Json[]>(["10.96.0.10"], [], ["10.96.0.10", "fd00::a"]),
  "cluster-domain": constantFrom<Json[]>("cluster.example", "example."),
  "cloud-provider": constantFrom<Json[]>("external", "", "external"),
  "static-pods-enabled": flag,
  "log-level": constantFrom<Json[]>(0, 2),
  "max-pods": constantFrom<Json[]>(0, 1, 110, 32_767, 32_768, 65_535, 65_536, 2_147_483_648),
  "pod-pids-limit": constantFrom<Json[]>(-1, 0, 1, 4096, Number.MAX_SAFE_INTEGER),
  "registry-qps": counts,
  "registry-burst": counts,
  "event-qps": counts,
  "event-burst": counts,
  "kube-api-qps": counts,
  "kube-api-burst": counts,
  "allowed-unsafe-sysctls": uniqueArray(constantFrom(...sysctls, ...oddSysctls), {
    maxLength: 2,
  }),
  "cpu-cfs-quota-enforced": flag,
  "enable-debugging-handlers": flag,
  "kube-reserved": reserved,
  "system-reserved": reserved,
  "reserved-cpus": constantFrom<Json[]>("0", "1", "0-1", "0,1", "1-1"),
  "eviction-hard": bySignal(thresholds),
  "eviction-soft": bySignal(thresholds),
  "eviction-soft-grace-period": bySignal(durations),
  "eviction-max-pod-grace-period": counts,
  "image-gc-high-threshold-percent": percents,
  "image-gc-low-threshold-percent": percents,
  "image-minimum-gc-age": durations,
  "image-maximum-gc-age": durations,
  "max-parallel-image-pulls": counts,
  "container-log-max-size": constantFrom<Json[]>(...sizes),
  "container-log-max-files": constantFrom<Json[]>(1, 2, 7, 2_147_483_647),
  "container-log-max-workers": counts,
  "container-log-monitor-interval": durations,
  "shutdown-grace-period": durations,
  "shutdown-grace-period-for-critical-pods": durations,
  "cpu-manager-policy": constantFrom<Json[]>("static", "static", "none"),
  "cpu-manager-reconcile-period": durations,
  "cpu-manager-policy-options": constantFrom<Json[]>([], ["full-pcpus-only"]),
  "topology-manager-policy": constantFrom<Json[]>("none", "restricted", "best-effort", "single-numa-node"),
  "topology-manager-scope": constantFrom<Json[]>("pod", "container"),
  "prefer-closest-numa-nodes": flag,
  "max-allowable-numa-nodes": constantFrom<Json[]>(7, 8, 16),
  "memory-manager-policy": constantFrom<Json[]>("Static", "Static", "None"),
  "memory-manager-reserved-memory": dictionary(constant("0"), reservedMemory, { maxKeys: 1 }),
  "memory-throttling-factor": constantFrom<Json[]>(0.5, 1, 1e-9, 0, 1.1),
  "memory-swap-behavior": constantFrom<Json[]>("NoSwap", "LimitedSwap"),
  "credential-providers": dictionary(
    constantFrom("ecr-credential-provider", "ecr-credential-provider", "other"),
    provider,
    {
      maxKeys: 2,
    },
  ),
  "seccomp-default": flag,
  "single-process-oom-kill": flag,
  "ids-per-pod": constantFrom<Json[]>(65_536, 131_072, 196_608, 2_147_483_648, 65_535),
  "fail-cgroupv1": flag,
};

/** Those that are not for kubelet, or not generated; each with the reason. */
const elsewhere: Readonly<Record<string, string>> = {
  "api-server": "in the kubeconfig, which kubelet asks for its cluster only later",
  "authentication-mode": "in the kubeconfig",
  "bootstrap-token": "in the kubeconfig",
  "cluster-name": "in the kubeconfig",
  "device-ownership-from-security-context": "in containerd's configuration",
  "hostname-override-source": "for a generator",
  "pod-cidr": "kubelet only hands it to containerd",
  "pod-infra-container-image": "in containerd's configuration",
  "pod-network": "in containerd's configuration",
  "static-pods": "in static-pods.ts",
  "updates-by-cluster": "for hostd",
};

/** The names of all settings that the kubelet of a minor has, and of those that nothing is known about here. */
export function namesFor(minor: KubeletMinor): { generated: string[]; forgotten: string[] } {
  const names = Object.entries(groups.kubernetes.children)
    .filter(([, child]) => !("since" in child) || child.since === undefined || isAtLeast(minor, child.since))
    .map(([name]) => name);
  return {
    generated: names.filter((name) => name in values),
    forgotten: names.filter((name) => !(name in values) && !(name in elsewhere)),
  };
}

/** Settings that are about one thing, so that they come together more often than by chance. */
const together: readonly (readonly string[])[] = [
  ["image-gc-high-threshold-percent", "image-gc-low-threshold-percent"],
  ["image-minimum-gc-age", "image-maximum-gc-age"],
  ["shutdown-grace-period", "shutdown-grace-period-for-critical-pods"],
  ["cpu-manager-policy", "kube-reserved", "system-reserved"],
  ["cpu-manager-policy", "kube-reserved", "reserved-cpus", "cpu-manager-policy-options"],
  ["memory-manager-policy", "memory-manager-reserved-memory", "kube-reserved", "system-reserved", "eviction-hard"],
  ["memory-manager-policy", "memory-manager-reserved-memory"],
  ["eviction-soft", "eviction-soft-grace-period"],
  ["max-pods", "ids-per-pod"],
  ["server-certificate", "server-key"],
];

export function nodeTrees(minor: KubeletMinor): Arbitrary<NodeTree> {
  const { generated } = namesFor(minor);
  const some = shuffledSubarray(generated, { minLength: 1, maxLength: 4 });
  const groupsOfMinor = together.map((names) => names.filter((name) => generated.includes(name)));
  return oneof(some, constantFrom(...groupsOfMinor)).chain((names) =>
    record(Object.fromEntries(names.map((name) => [name, values[name] ?? constant(null)]))),
  );
}
