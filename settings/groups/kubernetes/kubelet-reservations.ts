/**
 * What kubelet's managers of processors and memory need of what is reserved.
 *
 * Sources: kubelet's cm/node_container_manager_linux.go (what is reserved in all), cm/cpumanager/cpu_manager.go,
 * cm/memorymanager/memory_manager.go and policy_static.go.
 */
import type { Settings } from "../group.ts";
import { kubeReservedMemory } from "./kube-reserved.ts";
import { bytesText, isWhole, nanosOf } from "../../values/kubernetes-amounts.ts";
import type { Problem } from "../../model/problem.ts";
import { unmetAt } from "../../model/rule.ts";

type Kubernetes = NonNullable<Settings["kubernetes"]>;

/** Of kubelet's `eviction-hard`, which counts as long as nothing of it is set. */
const evictedBelow = "100Mi";

export function* processorsForStaticPolicy(kubernetes: Kubernetes): Iterable<Problem> {
  if (kubernetes["cpu-manager-policy"] !== "static" || kubernetes["reserved-cpus"] !== undefined) return;
  // Unless it is set, some of every machine is reserved.
  const kube = kubernetes["kube-reserved"]["cpu"];
  const system = kubernetes["system-reserved"]["cpu"];
  if (kube === undefined || nanosOf(kube) + nanosOf(system ?? "0") > 0n) return;
  const because = `cpu-manager-policy is static and system-reserved.cpu is ${system ?? "not set"}`;
  yield unmetAt(["kubernetes", "kube-reserved", "cpu"], `must be above 0 because ${because}, not ${kube}`);
}

export function* memoryForStaticPolicy(kubernetes: Kubernetes): Iterable<Problem> {
  if (kubernetes["memory-manager-policy"] !== "Static") return;
  const place = ["kubernetes", "memory-manager-reserved-memory"];
  const nodes = Object.entries(kubernetes["memory-manager-reserved-memory"]).filter(([, { enabled }]) => enabled);
  if (nodes.length === 0) {
    yield unmetAt(place, "must have an enabled entry because memory-manager-policy is Static");
    return;
  }
  for (const [name, node] of nodes) {
    if (node.memory !== undefined && !isWhole(node.memory)) {
      yield unmetAt([...place, name, "memory"], `must be whole bytes that kubelet can count, not ${node.memory}`);
    }
    for (const pages of ["hugepages-2Mi", "hugepages-1Gi"] as const) {
      if (node[pages] === undefined) continue;
      const sentence = `must not be set because kube-reserved and system-reserved cannot have huge pages, and memory-manager-policy Static wants the same amounts`;
      yield unmetAt([...place, name, pages], sentence);
    }
  }
  const reserved = reservedMemory(kubernetes);
  if (reserved === undefined) return;
  const total = nodes.reduce((sum, [, { memory }]) => sum + nanosOf(memory ?? "0"), 0n);
  if (total === reserved.nanos && total > 0n) return;
  if (reserved.nanos === 0n) {
    yield unmetAt(["kubernetes", "kube-reserved", "memory"], "must be above 0 because memory-manager-policy is Static");
  } else {
    const sentence = `must have memory of ${bytesText(reserved.nanos)} in all, which is ${reserved.sum}, not ${bytesText(total)}`;
    yield unmetAt(place, sentence);
  }
}

/** Undefined where it depends on how much memory the machine has. */
function reservedMemory(kubernetes: Kubernetes): { nanos: bigint; sum: string } | undefined {
  const hard = kubernetes["eviction-hard"];
  const below = Object.keys(hard).length === 0 ? evictedBelow : (hard["memory.available"] ?? "0");
  if (below.endsWith("%") && Number(below.slice(0, -1)) > 0) return undefined;
  const parts = {
    "kube-reserved": kubernetes["kube-reserved"]["memory"] ?? kubeReservedMemory(kubernetes["max-pods"]),
    "system-reserved": kubernetes["system-reserved"]["memory"] ?? "0",
    "eviction-hard": below.endsWith("%") ? "0" : below,
  };
  return {
    nanos: Object.values(parts).reduce((sum, part) => sum + nanosOf(part), 0n),
    sum: Object.entries(parts)
      .map(([name, part]) => `${part} of ${name}`)
      .join(" + "),
  };
}
