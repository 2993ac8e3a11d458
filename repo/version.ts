/** Versions of the OS: semantic versions, compared by Bun's semver. */
import { semver } from "bun";
import { z } from "zod";

/** A full semantic version without a leading `v`. */
export const Version = z
  .string()
  .regex(/^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/, "a version like 1.2.3");

export function compareVersions(a: string, b: string): -1 | 0 | 1 {
  return semver.order(a, b);
}
