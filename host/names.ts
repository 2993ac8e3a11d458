/**
 * The names of the one executable: `/usr/bin/orlop` is the file, each of these is a symbolic link to it in the same
 * directory. `host/main.ts` says what each one runs.
 */
export const executable = "orlop";
export const names = [
  "hostd",
  "apiclient",
  "signpost",
  "metricdog",
  "logdog",
  "host-ctr",
  "bootstrap",
  "ephemeral-storage",
  "extensions",
  "kdump",
  "data-disk",
  "storage-seal",
] as const;
export type Name = (typeof names)[number];
