/** What can fail in the console, by code. Each is made by some `Failure`, which `tools/codes.test.ts` holds. */
export const consoleCodes = ["cannot-bundle"] as const;

declare module "../lib/failure.ts" {
  interface FailureCodes extends Record<(typeof consoleCodes)[number], true> {}
}
