/** Lengths of time as people write them: 90s, 2m, 1h, 7d, "30 minutes", "in 4 hours", "2 weeks". */
import { Failure } from "./failure.ts";

const units = { second: 1, minute: 60, hour: 3600, day: 86_400, week: 604_800 };
const names = Object.keys(units);
const unitSeconds = new Map(
  Object.entries(units).flatMap(([name, seconds]) => [
    [name, seconds],
    [name[0], seconds],
  ]),
);
const short = /^(\d{1,9})([smhdw])$/;
const long = new RegExp(`^(?:in\\s+)?(\\d{1,9})\\s+(${names.join("|")})s?$`);

/**
 * Seconds.
 *
 * @throws {Failure<"bad-duration">}
 */
export function parseDuration(text: string): number {
  const [, digits, unit] = short.exec(text.trim()) ?? long.exec(text.trim()) ?? [];
  const seconds = unitSeconds.get(unit);
  if (digits === undefined || seconds === undefined) {
    throw new Failure("bad-duration", `a time such as 90s, 2m, 1h, 7d or "2 weeks" is expected, not "${text}"`);
  }
  return Number(digits) * seconds;
}

/** The largest two units: "0.4 s", "45 s", "2 min 5 s", "3 h", "12 d 4 h". Below ten seconds, with a tenth. */
export function formatDuration(seconds: number): string {
  const tenths = Math.max(0, Math.round(seconds * 10)) / 10;
  if (tenths < 10) return `${tenths} s`;
  const whole = Math.round(seconds);
  const parts: [number, string][] = [
    [Math.floor(whole / 86_400), "d"],
    [Math.floor(whole / 3600) % 24, "h"],
    [Math.floor(whole / 60) % 60, "min"],
    [whole % 60, "s"],
  ];
  const first = parts.findIndex(([amount]) => amount > 0);
  return parts
    .slice(first, first + 2)
    .filter(([amount]) => amount > 0)
    .map(([amount, unit]) => `${amount} ${unit}`)
    .join(" ");
}
