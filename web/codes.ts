/** What can fail in making and serving pages, by code. Each is made by some `Failure`, which `tools/codes.test.ts` holds. */
export const webCodes = ["cannot-bundle"] as const;

declare module "../lib/failure.ts" {
  interface FailureCodes extends Record<(typeof webCodes)[number], true> {}
}
