/** What kubelet and the container runtime are given, where nobody set it. Formulas: Amazon EKS, as Bottlerocket has them. */

/** Kubelet's own. */
export const defaultMaxPods = 110;

/** As a quantity. */
export function kubeReservedMemory(maxPods = defaultMaxPods): string {
  return `${11 * maxPods + 255}Mi`;
}

/** 60 m for the first core, 10 for the second, 5 for the third and fourth, 2.5 for every further one. */
export function kubeReservedMilliCpu(processors: number): number {
  const further = Math.max(0, processors - 4);
  const some = Math.min(Math.max(0, processors - 2), 2);
  return Math.floor(60 + (processors > 1 ? 10 : 0) + some * 5 + further * 2.5);
}
