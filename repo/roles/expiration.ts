/**
 * How long signed metadata lives. Short lives bound how long an attacker can keep hosts on old metadata, so a
 * repository must be refreshed more often than its shortest one. A TOML file of `root`, `targets`, `snapshot`,
 * `timestamp` durations replaces the defaults, which are those of Bottlerocket's tools/pubsys/policies/repo-expiration.
 */
import { parse, TomlError } from "smol-toml";
import { z } from "zod";
import { parseDuration } from "../../lib/duration.ts";
import { Failure } from "../../lib/failure.ts";
import { roleNames, type RoleName } from "./root-role.ts";

/** Milliseconds from signing to expiry, for each role. */
export type ExpirationPolicy = Readonly<Record<RoleName, number>>;

const weekMs = 7 * 86_400_000;
export const defaultExpirations: ExpirationPolicy = {
  root: 52 * weekMs,
  targets: 2 * weekMs,
  snapshot: 2 * weekMs,
  timestamp: weekMs,
};

const Document = z.strictObject({
  root: z.string().optional(),
  targets: z.string().optional(),
  snapshot: z.string().optional(),
  timestamp: z.string().optional(),
});

/** @throws {Failure<"bad-expiration-policy">} */
export function parseExpirationPolicy(toml: string, name: string): ExpirationPolicy {
  try {
    const policy = Document.parse(parse(toml));
    return Object.fromEntries(
      roleNames.map((role) => {
        const duration = policy[role];
        return [role, duration === undefined ? defaultExpirations[role] : parseDuration(duration) * 1000];
      }),
    ) as ExpirationPolicy;
  } catch (cause) {
    if (!(cause instanceof TomlError || cause instanceof z.ZodError || cause instanceof Failure)) throw cause;
    const reason = cause instanceof z.ZodError ? z.prettifyError(cause) : cause.message;
    throw new Failure("bad-expiration-policy", `cannot use the expiration policy ${name}: ${reason}`);
  }
}

/** When something signed `now` expires, as TUF writes times: UTC to the second. */
export function expiresAt(now: Date, livesMs: number): string {
  return new Date(now.getTime() + livesMs).toISOString().replace(/\.\d+Z$/, "Z");
}
