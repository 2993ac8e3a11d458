/** What can fail in benchmarks, by code. Each is made by some `Failure`, which `tools/codes.test.ts` holds. */
export const benchCodes = ["no-answer", "no-mmdebstrap", "no-node", "no-peer", "not-root"] as const;

declare module "../lib/failure.ts" {
  interface FailureCodes extends Record<(typeof benchCodes)[number], true> {}
}
