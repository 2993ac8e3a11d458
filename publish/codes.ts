/** What can fail in publishing, by code. Each is made by some `Failure`, which `tools/codes.test.ts` holds. */
export const publishCodes = [
  "aws-refused",
  "bad-grantee",
  "bad-template",
  "image-failed",
  "no-amis",
  "no-such-region",
  "no-such-parameter",
  "parameter-differs",
  "parameter-exists",
  "snapshot-failed",
  "volume-too-small",
  "wrong-architecture",
  "wrong-certificate",
] as const;

declare module "../lib/failure.ts" {
  interface FailureCodes extends Record<(typeof publishCodes)[number], true> {}
}
