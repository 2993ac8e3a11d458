/** What can fail in the verbs of `./orlop`, by code. Each is made by some `Failure`, which `tools/codes.test.ts` holds. */
export const cliCodes = [
  "bad-port",
  "cannot-serve",
  "file-exists",
  "no-kubelet",
  "no-prefix",
  "no-such-node",
  "no-such-server",
  "no-such-tree",
  "too-new",
  "which-machine",
  "wrong-variant",
] as const;

declare module "../lib/failure.ts" {
  interface FailureCodes extends Record<(typeof cliCodes)[number], true> {}
}
