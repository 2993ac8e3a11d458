/** Protects: a value at which kubelet ends is refused before, also where kubelet compares it with its own default. */
import { testRules, type RuleCase } from "../../../test/cases/rule-cases.ts";
import { kubeletRules } from "./kubelet-requirements.ts";

const memory = (kubernetes: Record<string, string | number | Record<string, unknown>>) => ({
  kubernetes: { "memory-manager-policy": "Static", ...kubernetes },
});
const node = (amount: string) => ({ "0": { enabled: true, memory: amount } });

const podOf = (restartPolicy: string): string => {
  const spec = { restartPolicy, containers: [{ name: "a", image: "a" }] };
  const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "a" }, spec };
  return Buffer.from(JSON.stringify(pod)).toString("base64");
};

const cases: RuleCase[] = [
  {
    rule: "a soft eviction has a grace period",
    breaks: { kubernetes: { "eviction-soft": { "memory.available": "5%" } } },
    messages: [
      'settings.kubernetes.eviction-soft-grace-period."memory.available" must be set because eviction-soft has this signal',
    ],
    holds: {
      kubernetes: {
        "eviction-soft": { "memory.available": "5%", "pid.available": "0%" },
        "eviction-soft-grace-period": { "memory.available": "30s" },
      },
    },
  },
  {
    rule: "garbage collection of images goes from high to low",
    breaks: { kubernetes: { "image-gc-high-threshold-percent": 80, "image-gc-low-threshold-percent": 80 } },
    messages: [
      "settings.kubernetes.image-gc-low-threshold-percent must be below image-gc-high-threshold-percent, which is 80, not 80",
    ],
    holds: { kubernetes: { "image-gc-high-threshold-percent": 81, "image-gc-low-threshold-percent": 80 } },
  },
  {
    rule: "garbage collection of images goes from high to low",
    on: "old",
    breaks: { kubernetes: { "image-gc-high-threshold-percent": 75 } },
    messages: [
      "settings.kubernetes.image-gc-high-threshold-percent must be above image-gc-low-threshold-percent, which is 80 unless set, not 75",
    ],
    holds: { kubernetes: { "image-gc-high-threshold-percent": 81 } },
  },
  {
    rule: "garbage collection of images goes from high to low",
    breaks: { kubernetes: { "image-gc-low-threshold-percent": 85 } },
    messages: [
      "settings.kubernetes.image-gc-low-threshold-percent must be below image-gc-high-threshold-percent, which is 85 unless set, not 85",
    ],
    holds: { kubernetes: { "image-gc-low-threshold-percent": 84 } },
  },
  {
    rule: "an image may be kept for longer than it must be",
    breaks: { kubernetes: { "image-maximum-gc-age": "120s" } },
    messages: [
      "settings.kubernetes.image-maximum-gc-age must be above image-minimum-gc-age, which is 2m unless set, not 120s",
    ],
    holds: { kubernetes: { "image-maximum-gc-age": "0s", "image-minimum-gc-age": "3h" } },
  },
  {
    rule: "an image may be kept for longer than it must be",
    breaks: { kubernetes: { "image-maximum-gc-age": "1m", "image-minimum-gc-age": "0s" } },
    messages: [
      "settings.kubernetes.image-maximum-gc-age must be above image-minimum-gc-age, which is 2m when it is 0s, not 1m",
    ],
    holds: { kubernetes: { "image-maximum-gc-age": "1m", "image-minimum-gc-age": "30s" } },
  },
  {
    rule: "critical pods get their time from the shutdown's",
    breaks: { kubernetes: { "shutdown-grace-period-for-critical-pods": "10s" } },
    messages: [
      "settings.kubernetes.shutdown-grace-period must be set because shutdown-grace-period-for-critical-pods is 10s",
    ],
    holds: { kubernetes: { "shutdown-grace-period-for-critical-pods": "0s" } },
  },
  {
    rule: "critical pods get their time from the shutdown's",
    breaks: { kubernetes: { "shutdown-grace-period-for-critical-pods": "1m", "shutdown-grace-period": "30s" } },
    messages: [
      "settings.kubernetes.shutdown-grace-period-for-critical-pods must not be above shutdown-grace-period, which is 30s, but is 1m",
    ],
    holds: { kubernetes: { "shutdown-grace-period-for-critical-pods": "30s", "shutdown-grace-period": "30s" } },
  },
  {
    rule: "critical pods get their time from the shutdown's",
    breaks: { kubernetes: { "shutdown-grace-period": "0.5s" } },
    messages: ["settings.kubernetes.shutdown-grace-period must be 0s, or 1s or more, not 0.5s"],
    holds: { kubernetes: { "shutdown-grace-period": "1000ms" } },
  },
  {
    rule: "the size of a log is one that kubelet can count",
    breaks: { kubernetes: { "container-log-max-size": "1.5Gi" } },
    messages: [
      "settings.kubernetes.container-log-max-size must be whole bytes that kubelet can count, such as 10Mi, not 1.5Gi",
    ],
    holds: { kubernetes: { "container-log-max-size": "-1" } },
  },
  {
    rule: "the size of a log is one that kubelet can count",
    on: "old",
    breaks: { kubernetes: { "container-log-max-size": "-1" } },
    messages: ["settings.kubernetes.container-log-max-size must not be below 0 for Kubernetes 1.20, but is -1"],
    holds: { kubernetes: { "container-log-max-size": "0" } },
  },
  {
    rule: "options of the CPU manager are for its static policy",
    breaks: { kubernetes: { "cpu-manager-policy-options": ["full-pcpus-only"] } },
    messages: ["settings.kubernetes.cpu-manager-policy must be static because cpu-manager-policy-options is set"],
    holds: { kubernetes: { "cpu-manager-policy-options": ["full-pcpus-only"], "cpu-manager-policy": "static" } },
  },
  {
    rule: "the static CPU manager leaves the host some of a processor",
    on: "old",
    breaks: { kubernetes: { "cpu-manager-policy": "static", "kube-reserved": { cpu: "0" } } },
    messages: [
      "settings.kubernetes.kube-reserved.cpu must be above 0 because cpu-manager-policy is static and system-reserved.cpu is not set, not 0",
    ],
    holds: {
      kubernetes: { "cpu-manager-policy": "static", "kube-reserved": { cpu: "0" }, "system-reserved": { cpu: "1m" } },
    },
  },
  {
    rule: "the static CPU manager leaves the host some of a processor",
    breaks: {
      kubernetes: { "cpu-manager-policy": "static", "kube-reserved": { cpu: "0m" }, "system-reserved": { cpu: "0.0" } },
    },
    messages: [
      "settings.kubernetes.kube-reserved.cpu must be above 0 because cpu-manager-policy is static and system-reserved.cpu is 0.0, not 0m",
    ],
    holds: { kubernetes: { "cpu-manager-policy": "static", "kube-reserved": { cpu: "0" }, "reserved-cpus": "0" } },
  },
  {
    rule: "the static memory manager has the memory that is reserved",
    breaks: memory({ "memory-manager-reserved-memory": { "0": { enabled: false } } }),
    messages: [
      "settings.kubernetes.memory-manager-reserved-memory must have an enabled entry because memory-manager-policy is Static",
    ],
    holds: memory({ "memory-manager-reserved-memory": node("1565Mi") }),
  },
  {
    rule: "the static memory manager has the memory that is reserved",
    breaks: memory({ "max-pods": 58, "memory-manager-reserved-memory": node("1Gi") }),
    messages: [
      "settings.kubernetes.memory-manager-reserved-memory must have memory of 993Mi in all, which is 893Mi of kube-reserved + 0 of system-reserved + 100Mi of eviction-hard, not 1Gi",
    ],
    holds: memory({
      "kube-reserved": { memory: "1Gi" },
      "system-reserved": { memory: "512Mi" },
      "eviction-hard": { "nodefs.available": "10%" },
      "memory-manager-reserved-memory": { ...node("1Gi"), "1": { enabled: true, memory: "536870912" } },
    }),
  },
  {
    rule: "the static memory manager has the memory that is reserved",
    breaks: memory({
      "eviction-hard": { "memory.available": "5%" },
      "memory-manager-reserved-memory": { "0": { enabled: true, memory: "1.5Gi", "hugepages-2Mi": "2Mi" } },
    }),
    messages: [
      "settings.kubernetes.memory-manager-reserved-memory.0.hugepages-2Mi must not be set because kube-reserved and system-reserved cannot have huge pages, and memory-manager-policy Static wants the same amounts",
      "settings.kubernetes.memory-manager-reserved-memory.0.memory must be whole bytes that kubelet can count, not 1.5Gi",
    ],
    // How much 5% is depends on the machine.
    holds: memory({
      "eviction-hard": { "memory.available": "5%" },
      "memory-manager-reserved-memory": node("3Gi"),
    }),
  },
  {
    rule: "every pod can have user ids of its own",
    breaks: { kubernetes: { "max-pods": 65_536 } },
    messages: [
      "settings.kubernetes.max-pods must be at most 65535 because there are 4294901760 ids for pods and ids-per-pod is 65536, not 65536",
    ],
    holds: { kubernetes: { "max-pods": 65_535, "ids-per-pod": 65_536 } },
  },
  {
    rule: "every pod can have user ids of its own",
    breaks: { kubernetes: { "ids-per-pod": 196_608 } },
    messages: [
      "settings.kubernetes.ids-per-pod must be a power of two, so that kubelet can share out all ids, not 196608",
    ],
    holds: { kubernetes: { "ids-per-pod": 131_072 } },
  },
  {
    rule: "a pod's kernel parameters are those of its namespaces",
    breaks: { kubernetes: { "allowed-unsafe-sysctls": ["net.*", "vm.swappiness"] } },
    messages: [
      "settings.kubernetes.allowed-unsafe-sysctls must be of net.*, kernel.shm*, kernel.msg*, kernel.sem or fs.mqueue.*, which namespaces have for themselves, but [1] is vm.swappiness",
    ],
    holds: { kubernetes: { "allowed-unsafe-sysctls": ["net/ipv4/conf/eth0.1/forwarding", "kernel.shm*"] } },
  },
  {
    rule: "a pod's kernel parameters are those of its namespaces",
    breaks: { kubernetes: { "allowed-unsafe-sysctls": ["user.max_user_namespaces"] } },
    messages: [
      "settings.kubernetes.allowed-unsafe-sysctls must be of net.*, kernel.shm*, kernel.msg*, kernel.sem or fs.mqueue.*, which namespaces have for themselves, but [0] is user.max_user_namespaces",
    ],
    holds: { kubernetes: { "allowed-unsafe-sysctls": ["fs.mqueue.msg_max"] } },
  },
  {
    rule: "a pod's kernel parameters are those of its namespaces",
    on: "newest",
    breaks: { kubernetes: { "allowed-unsafe-sysctls": ["kernel.hostname"] } },
    messages: [
      "settings.kubernetes.allowed-unsafe-sysctls must be of net.*, kernel.shm*, kernel.msg*, kernel.sem, fs.mqueue.*, kernel.domainname or user.*, which namespaces have for themselves, but [0] is kernel.hostname",
    ],
    holds: { kubernetes: { "allowed-unsafe-sysctls": ["user.max_user_namespaces", "kernel.domainname"] } },
  },
  {
    rule: "a pod's kernel parameters are those of its namespaces",
    on: "old",
    breaks: { kubernetes: { "allowed-unsafe-sysctls": ["net/core/somaxconn"] } },
    messages: [
      "settings.kubernetes.allowed-unsafe-sysctls must have dots and no slashes for Kubernetes 1.20, but [0] is net/core/somaxconn",
    ],
    holds: { kubernetes: { "allowed-unsafe-sysctls": ["kernel.shmm*"] } },
  },
  {
    rule: "labels of Kubernetes are those that a node may give itself",
    breaks: { kubernetes: { "node-labels": { "node-role.kubernetes.io/worker": "", "example.com/pool": "batch" } } },
    messages: [
      'settings.kubernetes.node-labels."node-role.kubernetes.io/worker" must not be set: kubelet may give itself only labels of Kubernetes below node.kubernetes.io and kubelet.kubernetes.io, and a few others',
    ],
    holds: { kubernetes: { "node-labels": { "a.node.kubernetes.io/b": "", "topology.kubernetes.io/zone": "z" } } },
  },
  {
    rule: "a node has a taint once",
    breaks: { kubernetes: { "node-taints": { gpu: ["a:NoSchedule", "b:NoExecute", ":NoSchedule"] } } },
    messages: ["settings.kubernetes.node-taints.gpu must have each effect once, but has NoSchedule twice"],
    holds: { kubernetes: { "node-taints": { gpu: ["a:NoSchedule", "b:NoExecute"] } } },
  },
  {
    rule: "a cloud is one that kubelet knows",
    on: "aws",
    breaks: { kubernetes: { "cloud-provider": "aws" } },
    messages: ['settings.kubernetes.cloud-provider must be external or "" because kubelet 1.35 has no code for aws'],
    holds: { kubernetes: { "cloud-provider": "" } },
  },
  {
    rule: "a static pod is one that kubelet can use",
    breaks: { kubernetes: { "static-pods": { a: { enabled: true, manifest: podOf("Sometimes") } } } },
    messages: [
      'settings.kubernetes.static-pods.a.manifest must be a pod that kubelet 1.35 can use: line 1, column 81: spec.restartPolicy must be one of Always, OnFailure, Never, not "Sometimes"',
    ],
    holds: { kubernetes: { "static-pods": { a: { enabled: true, manifest: podOf("Never") } } } },
  },
  {
    rule: "a static pod has a name of its own",
    breaks: {
      kubernetes: {
        "static-pods": {
          a: { enabled: true, manifest: podOf("Never") },
          b: { enabled: true, manifest: podOf("Always") },
        },
      },
    },
    messages: ["settings.kubernetes.static-pods.b.manifest must not be of the pod default/a, which static-pods.a is"],
    holds: {
      kubernetes: {
        "static-pods": {
          a: { enabled: true, manifest: podOf("Never") },
          b: { enabled: false, manifest: podOf("Always") },
        },
      },
    },
  },
  {
    rule: "an enabled credential provider is there, and is asked about some images",
    on: "aws",
    breaks: {
      kubernetes: { "credential-providers": { "ecr-credential-provider": { enabled: true, "image-patterns": [] } } },
    },
    messages: [
      "settings.kubernetes.credential-providers.ecr-credential-provider.image-patterns must be set because enabled is true",
    ],
    holds: {
      kubernetes: {
        "credential-providers": { "ecr-credential-provider": { enabled: true, "image-patterns": ["*"] } },
      },
    },
  },
  {
    rule: "an enabled credential provider is there, and is asked about some images",
    breaks: { kubernetes: { "credential-providers": { ecr: { enabled: true, "image-patterns": ["*"] } } } },
    messages: [
      "settings.kubernetes.credential-providers.ecr.enabled must be false because variant metal-k8s-1.35 has no program ecr",
    ],
    holds: { kubernetes: { "credential-providers": { ecr: { enabled: false } } } },
  },
];

testRules(kubeletRules, cases);
