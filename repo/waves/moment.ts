/** Moments as people write them in policies. */
import { parseDuration } from "../../lib/duration.ts";
import { Failure } from "../../lib/failure.ts";

/**
 * A moment: RFC 3339, or a duration counted from `base`.
 *
 * @throws {Failure<"bad-time">}
 */
export function parseMoment(text: string, base: Date): Date {
  if (/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/.test(text)) {
    const moment = new Date(text);
    if (!Number.isNaN(moment.getTime())) return moment;
  }
  try {
    return new Date(base.getTime() + parseDuration(text) * 1000);
  } catch (cause) {
    throw new Failure("bad-time", `cannot read ${JSON.stringify(text)} as a time`, {
      hint: 'write RFC 3339 ("2026-01-31T17:00:00Z") or a duration ("in 4 hours")',
      cause,
    });
  }
}
