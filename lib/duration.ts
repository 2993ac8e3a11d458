/** Lengths of time as people write them: 90s, 2m, 1h, 7d. */
import { Failure } from "./failure.ts";

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/**
 * Seconds.
 *
 * @throws {Failure<"bad-duration">}
 */
export function parseDuration(text: string): number {
  const [, digits, unit] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  if (digits === undefined || unit === undefined) {
    throw new Failure("bad-duration", `a time such as 90s, 2m, 1h or 7d is expected, not "${text}"`);
  }
  return Number(digits) * (unitSeconds[unit] ?? 1);
}

/** The largest two units, rounded down: "45 s", "2 min 5 s", "3 h", "12 d 4 h". */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const parts: [number, string][] = [
    [Math.floor(whole / 86_400), "d"],
    [Math.floor(whole / 3600) % 24, "h"],
    [Math.floor(whole / 60) % 60, "min"],
    [whole % 60, "s"],
  ];
  const first = parts.findIndex(([amount]) => amount > 0);
  if (first < 0) return "0 s";
  return parts
    .slice(first, first + 2)
    .filter(([amount]) => amount > 0)
    .map(([amount, unit]) => `${amount} ${unit}`)
    .join(" ");
}
