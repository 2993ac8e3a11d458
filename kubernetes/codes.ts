/** What can fail in talking to a cluster, by code. Each is made by some `Failure`, which `tools/codes.test.ts` holds. */
export const kubernetesCodes = [
  "bad-cluster-answer",
  "bad-kubeconfig",
  "cluster-refused",
  "not-in-cluster",
  "watch-expired",
] as const;

declare module "../lib/failure.ts" {
  interface FailureCodes extends Record<(typeof kubernetesCodes)[number], true> {}
}
