/** Finds settings by their key, meaning and value. */
import { joinKey } from "../../settings/model/key.ts";
import { nearest } from "../../lib/text/nearest.ts";
import type { Catalogue } from "../view.ts";

export type SettingRow = {
  /** Without "settings.". */
  key: string;
  entry: Catalogue[number];
  /** Undefined when it is not set and has no default. */
  value: unknown;
};

const root = "settings.";

/** A row for each setting: those with names that people choose have one for each name, and one for a new name. */
export function rowsOf(catalogue: Catalogue, settings: unknown): SettingRow[] {
  return catalogue.flatMap((entry) =>
    placesOf(entry.key.slice(root.length), settings).map(({ key, value }) => ({ key, entry, value })),
  );
}

/** Rows that have every word of the search, those with it in their key first. */
export function matching(rows: readonly SettingRow[], search: string): SettingRow[] {
  const words = search
    .toLowerCase()
    .replace(/^settings\./, "")
    .split(/\s+/)
    .filter((word) => word !== "");
  if (words.length === 0) return [...rows];
  const found = rows.filter(({ key, entry, value }) => {
    const text = `${key} ${entry.about} ${entry.doc} ${JSON.stringify(value) ?? ""}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
  const inKey = ({ key }: SettingRow): boolean => words.every((word) => key.toLowerCase().includes(word));
  return [...found.filter(inKey), ...found.filter((row) => !inKey(row))];
}

/** The key that was probably meant; undefined when none is near. */
export function meant(rows: readonly SettingRow[], search: string): string | undefined {
  const wanted = search
    .trim()
    .toLowerCase()
    .replace(/^settings\./, "");
  const keys = rows.map(({ key }) => key);
  if (wanted === "") return undefined;
  // Whole keys, and their last parts: "lockdwn" is near to kernel.lockdown.
  const names = new Map([
    ...keys.map((key) => [key.split(".").at(-1) ?? key, key] as const),
    ...keys.map((key) => [key, key] as const),
  ]);
  const name = nearest(wanted, keys) ?? nearest(wanted, names.keys());
  return name === undefined ? undefined : names.get(name);
}

function placesOf(pattern: string, settings: unknown): { key: string; value: unknown }[] {
  const walk = (segments: readonly string[], value: unknown, key: string): { key: string; value: unknown }[] => {
    const [first, ...rest] = segments;
    if (first === undefined) return [{ key, value }];
    const inside = isTable(value) ? value : {};
    const join = (name: string): string => (key === "" ? name : `${key}.${name}`);
    if (!first.startsWith("<")) return walk(rest, inside[first], join(first));
    const names = Object.keys(inside);
    return [
      ...names.flatMap((name) => walk(rest, inside[name], join(joinKey([name])))),
      ...walk(rest, undefined, join(first)),
    ];
  };
  return walk(segmentsOf(pattern), settings, "");
}

const isTable = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A name in angle brackets may have dots in it; quoted ones have not been seen in declarations. */
const segmentsOf = (pattern: string): string[] => pattern.match(/<[^>]*>|[^.]+/g) ?? [];
