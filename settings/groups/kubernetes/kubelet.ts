/** Settings of `settings.kubernetes` that are fields of kubelet's configuration, by subject. */
import { percent } from "../../values/amounts.ts";
import {
  amount,
  cpuSet,
  duration,
  durationFrom,
  positiveAmount,
  quantity,
  threshold,
} from "../../values/kubernetes-amounts.ts";
import { mapOf, setting, table } from "../../model/setting.ts";
import { podSysctl } from "./pod-sysctls.ts";
import { pattern } from "../../values/text.ts";
import { decimal, flag, int32, listOf, oneOf, oneOfAnyCase, uint32, wholeNumber } from "../../model/type.ts";

const count = wholeNumber({ least: 0, most: int32.most });
const positive = wholeNumber({ least: 1, most: int32.most });

export const limits = {
  "max-pods": setting({
    type: count,
    doc: "Pods on this node at most. 110 unless set.",
    example: 58,
  }),
  "pod-pids-limit": setting({
    type: wholeNumber({ least: -1, most: Number.MAX_SAFE_INTEGER }),
    doc: "Processes in a pod at most; -1 for no limit.",
  }),
  "registry-qps": setting({ type: count, doc: "Image pulls in a second; 0 for no limit." }),
  "registry-burst": setting({ type: count, doc: "Image pulls in a burst." }),
  "event-qps": setting({ type: count, doc: "Events sent in a second; 0 for kubelet's own limit." }),
  "event-burst": setting({ type: count, doc: "Events sent in a burst." }),
  "kube-api-qps": setting({ type: count, doc: "Requests to the cluster's API in a second." }),
  "kube-api-burst": setting({ type: count, doc: "Requests to the cluster's API in a burst." }),
  "allowed-unsafe-sysctls": setting({
    type: listOf(podSysctl),
    doc: "Kernel parameters that pods may set although they are not isolated; a * at the end is a wildcard.",
    example: ["net.core.somaxconn", "net.ipv6.*"],
  }),
  "cpu-cfs-quota-enforced": setting({ type: flag, doc: "Whether CPU limits of containers are enforced." }),
  "seccomp-default": setting({
    type: flag,
    doc: "Whether containers get the runtime's seccomp profile unless they ask for another.",
    since: "1.25",
  }),
  "enable-debugging-handlers": setting({
    type: flag,
    doc: "Whether kubelet serves logs, exec, attach and port forwarding.",
  }),
  "device-ownership-from-security-context": setting({
    type: flag,
    doc: "Whether devices in a container belong to the user that the container runs as.",
  }),
  "single-process-oom-kill": setting({
    type: flag,
    doc: "Whether a lack of memory ends one process of a container instead of all.",
    since: "1.32",
  }),
  "ids-per-pod": setting({
    type: wholeNumber({ least: 65_536, most: uint32.most, multipleOf: 65_536 }),
    doc: "User ids in the user namespace of a pod.",
    since: "1.33",
  }),
  "fail-cgroupv1": setting({
    type: flag,
    doc: "Whether kubelet refuses to run with cgroups version 1.",
    since: "1.31",
  }),
};

const reserved = (doc: string) =>
  mapOf({
    doc,
    name: oneOf("cpu", "memory", "ephemeral-storage", "pid"),
    placeholder: "resource",
    entry: setting({ type: amount, doc: "How much.", example: "100Mi" }),
  });

const hugepages = setting({ type: positiveAmount, doc: "Pages of this size.", example: "2Mi" });

export const reservations = {
  "kube-reserved": reserved("What kubelet and the container runtime need. Computed from the machine unless set."),
  "system-reserved": reserved("What the rest of the host needs."),
  "reserved-cpus": setting({ type: cpuSet, doc: "Processors that no pod may use.", example: "0,3-5" }),
  "memory-manager-policy": setting({
    type: oneOfAnyCase("None", "Static"),
    doc: "Whether memory of guaranteed pods comes from as few NUMA nodes as possible.",
    since: "1.22",
  }),
  "memory-manager-reserved-memory": mapOf({
    doc: "What memory manager policy Static leaves to the host, by NUMA node: in all as much memory as kube-reserved, system-reserved and eviction-hard, and no huge pages.",
    name: pattern("the number of a NUMA node", /^(?:0|[1-9]\d{0,3})$/),
    placeholder: "node",
    since: "1.22",
    entry: table("One NUMA node.", {
      enabled: setting({ type: flag, doc: "Whether this reservation counts.", default: false }),
      memory: setting({ type: positiveAmount, doc: "Memory.", example: "674Mi" }),
      "hugepages-2Mi": hugepages,
      "hugepages-1Gi": hugepages,
    }),
  }),
  "memory-throttling-factor": setting({
    type: decimal({ above: 0, most: 1 }),
    doc: "The part of a container's memory limit from which the kernel slows it down.",
    example: 0.9,
    since: "1.22",
  }),
  "memory-swap-behavior": setting({
    type: oneOf("NoSwap", "LimitedSwap"),
    doc: "Whether pods may use swap.",
    since: "1.30",
  }),
};

const signal = oneOf(
  "memory.available",
  "nodefs.available",
  "nodefs.inodesFree",
  "imagefs.available",
  "imagefs.inodesFree",
  "pid.available",
);

const bySignal = (doc: string, type: typeof threshold, example: string) =>
  mapOf({ doc, name: signal, placeholder: "signal", entry: setting({ type, doc: "The value.", example }) });

export const eviction = {
  "eviction-hard": bySignal("When pods are evicted at once.", threshold, "15%"),
  "eviction-soft": bySignal("When pods are evicted after eviction-soft-grace-period.", threshold, "20%"),
  "eviction-soft-grace-period": bySignal("How long a signal of eviction-soft must hold.", duration, "1m30s"),
  "eviction-max-pod-grace-period": setting({
    type: count,
    doc: "Seconds that pods have to end at a soft eviction.",
    example: 40,
  }),
};

export const images = {
  "image-gc-high-threshold-percent": setting({
    type: percent,
    doc: "Disk usage from which unused images are removed. Above image-gc-low-threshold-percent.",
    example: 85,
  }),
  "image-gc-low-threshold-percent": setting({
    type: percent,
    doc: "Disk usage down to which unused images are removed.",
    example: 80,
  }),
  "image-minimum-gc-age": setting({ type: duration, doc: "How long an unused image is kept at least.", example: "2m" }),
  "image-maximum-gc-age": setting({
    type: duration,
    doc: "How long an unused image is kept at most; 0s for no limit.",
    example: "24h",
    since: "1.30",
  }),
  "max-parallel-image-pulls": setting({ type: positive, doc: "Image pulls at the same time.", since: "1.27" }),
};

export const logs = {
  "container-log-max-size": setting({
    type: quantity,
    doc: "Size at which a container's log is rotated.",
    example: "10Mi",
  }),
  "container-log-max-files": setting({
    type: wholeNumber({ least: 2, most: int32.most }),
    doc: "Files of a container's log, the current one included.",
    example: 5,
  }),
  "container-log-max-workers": setting({
    type: positive,
    doc: "Logs that are rotated at the same time.",
    since: "1.30",
  }),
  "container-log-monitor-interval": setting({
    type: durationFrom("3s"),
    doc: "How often the size of logs is looked at.",
    example: "10s",
    since: "1.30",
  }),
};

export const shutdown = {
  "shutdown-grace-period": setting({
    type: duration,
    doc: "How long a shutdown waits for pods to end.",
    example: "30s",
    since: "1.21",
  }),
  "shutdown-grace-period-for-critical-pods": setting({
    type: duration,
    doc: "The part of shutdown-grace-period that is for critical pods.",
    example: "10s",
    since: "1.21",
  }),
};

export const topology = {
  "cpu-manager-policy": setting({
    type: oneOfAnyCase("none", "static"),
    doc: "Whether guaranteed pods with whole processors get processors of their own.",
  }),
  "cpu-manager-reconcile-period": setting({
    type: duration,
    doc: "How often assignments of processors are written again.",
    example: "10s",
  }),
  "cpu-manager-policy-options": setting({
    type: listOf(oneOf("full-pcpus-only")),
    doc: "What cpu-manager-policy static minds.",
    since: "1.23",
  }),
  "topology-manager-policy": setting({
    type: oneOf("none", "restricted", "best-effort", "single-numa-node"),
    doc: "How closely processors, memory and devices of a pod must be together.",
  }),
  "topology-manager-scope": setting({
    type: oneOf("container", "pod"),
    doc: "Whether topology-manager-policy looks at containers or at pods.",
  }),
  "prefer-closest-numa-nodes": setting({
    type: flag,
    doc: "Whether NUMA nodes close to each other are preferred when one is not enough.",
    since: "1.28",
  }),
  "max-allowable-numa-nodes": setting({
    type: wholeNumber({ least: 8, most: int32.most }),
    doc: "NUMA nodes with which kubelet still starts.",
    since: "1.31",
  }),
};
