/** What can fail in what updates a fleet, by code. Each is made by some `Failure`, which `tools/codes.test.ts` holds. */
export const clusterCodes = ["bad-fleet-faults", "bad-fleet-policy", "ecs-refused", "no-such-policy"] as const;

declare module "../lib/failure.ts" {
  interface FailureCodes extends Record<(typeof clusterCodes)[number], true> {}
}
