/** Lengths of time as people write them in policies: "30 minutes", "in 4 hours", "1 day", "2 weeks". */
import { Failure } from "../lib/failure.ts";

const unitMs = { second: 1_000, minute: 60_000, hour: 3_600_000, day: 86_400_000, week: 604_800_000 } as const;

/**
 * @returns milliseconds
 * @throws {Failure<"bad-duration">}
 */
export function parseDurationMs(text: string): number {
  const match = /^(?:in\s+)?(\d{1,6})\s+(second|minute|hour|day|week)s?$/.exec(text.trim());
  const [, amount, unit] = match ?? [];
  if (amount === undefined || unit === undefined) {
    throw new Failure("bad-duration", `cannot read ${JSON.stringify(text)} as a duration`, {
      hint: 'write a whole number and a unit: "30 minutes", "4 hours", "1 day", "2 weeks"',
    });
  }
  return Number(amount) * unitMs[unit as keyof typeof unitMs];
}

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
    return new Date(base.getTime() + parseDurationMs(text));
  } catch (cause) {
    throw new Failure("bad-time", `cannot read ${JSON.stringify(text)} as a time`, {
      hint: 'write RFC 3339 ("2026-01-31T17:00:00Z") or a duration ("in 4 hours")',
      cause,
    });
  }
}
