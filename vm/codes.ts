/** What can fail in machines, by code. Each is made by some `Failure`, which `tools/codes.test.ts` holds. */
export const vmCodes = [
  "already-running",
  "bad-name",
  "control-plane-failed",
  "guest-command",
  "machine-ended",
  "no-cluster",
  "no-partition",
  "no-remote-api",
  "no-such-machine",
  "not-in-time",
  "qemu-failed",
  "qmp-failed",
  "tpm-failed",
] as const;

declare module "../lib/failure.ts" {
  interface FailureCodes extends Record<(typeof vmCodes)[number], true> {}
}
