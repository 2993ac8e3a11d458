/** What can fail in publishing, by code. Each is made by some `Failure`, which `tools/codes.test.ts` holds. */
export const publishCodes = [
  "aws-refused",
  "bad-grantee",
  "bad-infra",
  "bad-sbom",
  "bad-template",
  "image-failed",
  "no-amis",
  "no-such-region",
  "no-such-parameter",
  "not-offered",
  "parameter-differs",
  "parameter-exists",
  "release-stopped",
  "snapshot-failed",
  "source-not-clean",
  "volume-too-small",
  "wrong-architecture",
  "wrong-certificate",
  "wrong-platform",
] as const;

declare module "../lib/failure.ts" {
  interface FailureCodes extends Record<(typeof publishCodes)[number], true> {}
}
