/** What can fail in the building blocks, by code. Each is made by some `Failure`, which `tools/codes.test.ts` holds. */
export const libCodes = [
  "bad-archive",
  "bad-signature-partition",
  "bad-stub",
  "bad-toml",
  "bad-tpm-data",
  "bad-duration",
  "bad-json",
  "bad-key",
  "bad-program",
  "bad-quote",
  "bad-redirect",
  "bad-user-data",
  "cannot-start",
  "damaged-record",
  "exit-status",
  "hash-mismatch",
  "no-image",
  "no-kernel",
  "no-partition-table",
  "no-such-program",
  "registry-failed",
  "signed-by-another",
  "stalled",
  "system-call",
  "timed-out",
  "too-long",
  "too-slow",
  "too-much-output",
  "tpm-refused",
  "usage",
] as const;

declare module "./failure.ts" {
  interface FailureCodes extends Record<(typeof libCodes)[number], true> {}
}
