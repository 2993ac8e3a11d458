/** What can fail in variants, by code. Each is made by some `Failure`, which `tools/codes.test.ts` holds. */
export const variantsCodes = ["bad-variant-file", "no-such-variant"] as const;

declare module "../lib/failure.ts" {
  interface FailureCodes extends Record<(typeof variantsCodes)[number], true> {}
}
