/** Minors of Kubernetes that a control plane here may have: the programs of each have their hashes. The first is the one unless another is asked for. */
export const clusterMinors = ["1.20", "1.35", "1.37"] as const;
export type ClusterMinor = (typeof clusterMinors)[number];
