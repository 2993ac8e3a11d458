/** What can fail in the update repository, by code. Each is made by some `Failure`, which `tools/codes.test.ts` holds. */
export const repoCodes = [
  "bad-expiration-policy",
  "bad-manifest",
  "bad-metadata",
  "bad-time",
  "bad-wave-policy",
  "download-refused",
  "key-in-role",
  "key-not-in-role",
  "max-version-too-low",
  "no-patch-source",
  "no-such-key-file",
  "no-such-repository",
  "no-such-target",
  "no-such-update",
  "repository-changed",
  "repository-exists",
  "repository-locked",
  "repository-not-valid",
  "too-few-keys",
  "too-few-signatures",
  "unsupported-key",
  "unsupported-signer",
  "update-exists",
] as const;

declare module "../lib/failure.ts" {
  interface FailureCodes extends Record<(typeof repoCodes)[number], true> {}
}
