/** Minors of Kubernetes that a control plane here may have: each has a recipe. The first is the one unless another is asked for. */
export const clusterMinors = ["1.20", "1.35"] as const;
export type ClusterMinor = (typeof clusterMinors)[number];
