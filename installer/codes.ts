/** What can fail while an image is installed, by code. Each is made by some `Failure`, which `tools/codes.test.ts` holds. */
export const installerCodes = [
  "bad-disk-rule",
  "bad-place",
  "bad-word",
  "busy-disk",
  "no-disk",
  "no-download",
  "no-medium",
  "no-network",
  "no-such-label",
  "wrong-image",
] as const;

declare module "../lib/failure.ts" {
  interface FailureCodes extends Record<(typeof installerCodes)[number], true> {}
}
