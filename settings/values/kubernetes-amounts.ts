/**
 * Amounts, thresholds, durations and sets of processors in the notation of Kubernetes.
 *
 * Sources: apimachinery's pkg/api/resource/quantity.go; Go's time.ParseDuration.
 */
import { assert } from "../../lib/failure.ts";
import { pattern } from "./text.ts";
import type { Type } from "../model/type.ts";

const decimal = "(?:\\d+(?:\\.\\d*)?|\\.\\d+)";
// Two digits: a longer exponent is no amount of anything, and Go would compute with all its zeros.
const quantityText = `[+-]?${decimal}(?:[eE][+-]?\\d{1,2}|[EPTGMK]i|[EPTGMkmun])?`;
const quantityWords = "a quantity such as 500m, 1.5 or 10Mi";
const quantityPattern = new RegExp(`^${quantityText}$`);

export const quantity: Type<string> = pattern(quantityWords, quantityPattern);

/** What may be left for somebody. */
export const amount: Type<string> = pattern(
  `${quantityWords}, not below 0`,
  quantityPattern,
  (text) => nanosOf(text) >= 0n,
);

export const positiveAmount: Type<string> = pattern(
  `${quantityWords}, above 0`,
  quantityPattern,
  (text) => nanosOf(text) > 0n,
);

export const threshold: Type<string> = pattern(
  "a percentage from 0% to below 100%, or a quantity above 0 such as 100Mi",
  new RegExp(`^(?:${decimal}%|${quantityText})$`),
  (text) => (text.endsWith("%") ? Number(text.slice(0, -1)) < 100 : nanosOf(text) > 0n),
);

const durationPattern = new RegExp(`^(?=.)(?:(${decimal})h)?(?:(${decimal})m)?(?:(${decimal})s)?(?:(${decimal})ms)?$`);
const durationWords = "a duration such as 1h5m or 30s, with the units h, m, s, ms in this order";

/** Go counts nanoseconds in 63 bits. */
const mostMs = Number(2n ** 63n / 1_000_000n);

/** Hours, minutes, seconds and milliseconds, each at most once. */
export const duration: Type<string> = pattern(durationWords, durationPattern, (text) => millisecondsOf(text) < mostMs);

export function durationFrom(least: string): Type<string> {
  return pattern(`${durationWords}, not below ${least}`, durationPattern, (text) => {
    const ms = millisecondsOf(text);
    return ms >= millisecondsOf(least) && ms < mostMs;
  });
}

/** @param text a duration */
export function millisecondsOf(text: string): number {
  const [, hours = 0, minutes = 0, seconds = 0, milliseconds = 0] = durationPattern.exec(text) ?? [];
  return Number(hours) * 3_600_000 + Number(minutes) * 60_000 + Number(seconds) * 1000 + Number(milliseconds);
}

type Parts = { negative: boolean; whole: string; fraction: string; base: 2n | 10n; exponent: number };

const powers = ["", "K", "M", "G", "T", "P", "E"];
const decimals: Readonly<Record<string, number>> = {
  n: -9,
  u: -6,
  m: -3,
  "": 0,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
};

function partsOf(text: string): Parts {
  const [, sign = "", whole = "", fraction = "", suffix = ""] = /^([+-]?)0*(\d*)(?:\.(\d*))?(.*)$/s.exec(text) ?? [];
  const number = { negative: sign === "-", whole: whole === "" ? "0" : whole, fraction };
  if (suffix.endsWith("i")) return { ...number, base: 2n, exponent: 10 * powers.indexOf(suffix.slice(0, -1)) };
  const exponent = decimals[suffix] ?? Number(suffix.slice(1));
  return { ...number, base: 10n, exponent };
}

/** A quantity in billionths, which are the smallest that Kubernetes counts; what is smaller counts as one. */
export function nanosOf(text: string): bigint {
  const { negative, whole, fraction, base, exponent } = partsOf(text);
  const digits = BigInt(whole + fraction);
  const scaled = base === 2n ? digits * 2n ** BigInt(exponent) : digits;
  const shift = 9 - fraction.length + (base === 10n ? exponent : 0);
  const nanos = shift >= 0 ? scaled * 10n ** BigInt(shift) : ceiling(scaled, 10n ** BigInt(-shift));
  return negative ? -nanos : nanos;
}

const ceiling = (dividend: bigint, divisor: bigint): bigint => (dividend + divisor - 1n) / divisor;

/**
 * Whether kubelet can have a quantity as a whole number: it keeps those with a fraction before a binary unit, and those
 * with many digits, in a form that it does not convert, even where the value is whole.
 */
export function isWhole(text: string): boolean {
  if (/^[+-]?0+$/.test(text)) return true;
  const { whole, fraction, base, exponent } = partsOf(text);
  if (base === 2n) return fraction === "" && 14 - whole.length - Math.floor((exponent * 3) / 10) >= 0;
  const scale = exponent - fraction.length;
  const value = BigInt(whole + fraction) * 10n ** BigInt(Math.max(scale, 0));
  return scale >= 0 && whole.length + fraction.length <= 18 && value < 2n ** 63n;
}

/** A quantity of bytes as people write it. */
export function bytesText(nanos: bigint): string {
  const bytes = nanos / 1_000_000_000n;
  const power = [3, 2, 1].find((candidate) => bytes !== 0n && bytes % 1024n ** BigInt(candidate) === 0n) ?? 0;
  const unit = powers[power];
  assert(unit !== undefined);
  return power === 0 ? String(bytes) : `${bytes / 1024n ** BigInt(power)}${unit}i`;
}

/** The numbers of processors: `0-3,7`. */
export const cpuSet: Type<string> = pattern(
  "a set of processors such as 0-3,7",
  /^\d{1,4}(?:-\d{1,4})?(?:,\d{1,4}(?:-\d{1,4})?)*$/,
  (text) =>
    text.split(",").every((range) => {
      const [first = "", last = first] = range.split("-");
      return Number(first) <= Number(last);
    }),
);
