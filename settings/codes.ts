/** What can fail in settings and user data, by code. Each is made by some `Failure`, which `tools/codes.test.ts` holds. */
export const settingsCodes = ["bad-cluster-config", "bad-migration", "no-such-group"] as const;

declare module "../lib/failure.ts" {
  interface FailureCodes extends Record<(typeof settingsCodes)[number], true> {}
}
