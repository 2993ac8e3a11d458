/** What can fail in compiling our programs, by code. Each is made by some `Failure`, which `tools/codes.test.ts` holds. */
export const programsCodes = ["cannot-seal", "no-such-pin", "wrong-bun"] as const;

declare module "../lib/failure.ts" {
  interface FailureCodes extends Record<(typeof programsCodes)[number], true> {}
}
