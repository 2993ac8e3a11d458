/** What kubelet and the container runtime are given: what someone set, and for the rest what is usual on such a machine. */
import { kubeReservedMemory, kubeReservedMilliCpu } from "../../../settings/groups/kubernetes/kube-reserved.ts";
import type { Kubernetes } from "./node.ts";

export function kubeReserved(kubernetes: Kubernetes, processors: number): Record<string, string> {
  return {
    cpu: `${kubeReservedMilliCpu(processors)}m`,
    memory: kubeReservedMemory(kubernetes["max-pods"]),
    "ephemeral-storage": "1Gi",
    ...kubernetes["kube-reserved"],
  };
}
