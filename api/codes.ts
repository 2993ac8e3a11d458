/**
 * The codes of refusals: what the API answers with, and the HTTP status of each. Clients switch on them.
 *
 * Whatever has no status here is a bug or a broken machine: 500. Bottlerocket: 400 for missing, empty or malformed input
 * and for settings that the model refuses, 404 for what is not there, 409 for what the present state does not allow, 422
 * for a commit with nothing pending, 423 while locked.
 */
export const statuses = {
  "bad-body": 400,
  "bad-disk": 400,
  "bad-json": 400,
  "bad-key": 400,
  "bad-query": 400,
  "bad-settings": 400,
  "bad-target": 400,
  "bad-transaction-name": 400,
  "bad-value": 400,
  "unmet-requirements": 400,
  forbidden: 403,
  "no-good-boot": 404,
  "no-recovery-key": 404,
  "no-such-configuration-file": 404,
  "no-such-endpoint": 404,
  "no-such-hold": 404,
  "no-such-key": 404,
  "no-such-report": 404,
  "no-such-service": 404,
  "no-such-version": 404,
  "no-tpm": 404,
  "no-update": 404,
  "no-update-status": 404,
  "method-not-allowed": 405,
  "bad-root": 409,
  "changed-since": 409,
  "no-partition-sets": 409,
  "no-repository": 409,
  "no-trial": 409,
  "on-trial": 409,
  "too-many-changes": 409,
  "too-many-transactions": 409,
  "unit-failed": 409,
  "update-not-allowed": 409,
  "update-on-trial": 409,
  "body-too-long": 413,
  "too-large": 413,
  "target-too-long": 414,
  "nothing-pending": 422,
  "ephemeral-storage-busy": 423,
  "settings-locked": 423,
  "support-archive-busy": 423,
  "update-busy": 423,
  "upgrade-required": 426,
  "repository-unreachable": 502,
  busy: 503,
  "kept-unusable": 503,
  closed: 503,
  stopping: 503,
  "too-busy": 503,
  "timed-out": 504,
  "disk-full": 507,
} as const;

export type ApiCode = keyof typeof statuses;

export function isApiCode(code: string): code is ApiCode {
  return Object.hasOwn(statuses, code);
}

/** What can fail for a client of the API. */
export const clientCodes = [
  "answer-cut-off",
  "answer-too-long",
  "bad-fingerprint",
  "cannot-connect",
  "connection-lost",
  "exec-failed",
  "not-attested",
  "refused",
  "unexpected-answer",
  "untrusted-host",
] as const;

declare module "../lib/failure.ts" {
  interface FailureCodes extends Record<keyof typeof statuses | (typeof clientCodes)[number], true> {}
}
