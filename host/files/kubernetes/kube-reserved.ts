/** What kubelet and the container runtime are given, where nobody set it. Formulas: Amazon EKS, as Bottlerocket has them. */
import type { Kubernetes } from "./node.ts";

const defaultMaxPods = 110;

export function kubeReserved(kubernetes: Kubernetes, processors: number): Record<string, string> {
  return {
    cpu: `${reservedMilliCpu(processors)}m`,
    memory: `${11 * (kubernetes["max-pods"] ?? defaultMaxPods) + 255}Mi`,
    "ephemeral-storage": "1Gi",
    ...kubernetes["kube-reserved"],
  };
}

/** 60 m for the first core, 10 for the second, 5 for the third and fourth, 2.5 for every further one. */
export function reservedMilliCpu(processors: number): number {
  const further = Math.max(0, processors - 4);
  const some = Math.min(Math.max(0, processors - 2), 2);
  return Math.floor(60 + (processors > 1 ? 10 : 0) + some * 5 + further * 2.5);
}
