/** Amounts, times and values as people read them. */

export { formatDuration } from "../../lib/duration.ts";

/** "12.4 GiB", "850 KiB". */
export function bytesText(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = bytes < 1024 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  const amount = bytes / 1024 ** power;
  return `${amount >= 100 || power === 0 ? Math.round(amount) : amount.toFixed(1)} ${units[power]}`;
}

/** Longer ones are files in base64, which nobody reads. */
const valueCharactersMost = 160;

/** A value of a setting on one line. */
export function valueText(value: unknown): string {
  if (value === undefined) return "not set";
  const text = JSON.stringify(value);
  if (text.length <= valueCharactersMost) return text;
  return `${text.slice(0, valueCharactersMost)}… (${text.length} characters)`;
}

/** "2026-11-30 07:41:05 UTC" */
export function utcText(at: string | number): string {
  return `${new Date(at).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** In the zone and the language of the reader. */
export function localText(at: string | number): string {
  return new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" }).format(new Date(at));
}
