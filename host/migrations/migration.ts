/**
 * Migrations at work: values that somebody set, brought to the form of a newer version, and back.
 *
 * Everything here is pure. The way there is rehearsed with the way back: there and back must give what was there, or the
 * newer version is not good for this host.
 */
import { isDeepStrictEqual } from "node:util";
import { Failure } from "../../lib/failure.ts";
import type { Json } from "../../lib/text/json.ts";
import { compareVersions } from "../../repo/version.ts";
import type { Migration, MigrationStep } from "../../settings/migrations/migration.ts";
import type { Values } from "../datastore/change.ts";

/** One that was walked, with what it took away. */
export type AppliedMigration = { migration: Migration; kept: { [key: string]: Json } };

/** The migrations above `from`, up to `to`, in the order in which they are walked. */
export function between(migrations: readonly Migration[], from: string, to: string): Migration[] {
  return migrations
    .filter(({ version }) => compareVersions(version, from) > 0 && compareVersions(version, to) <= 0)
    .toSorted((a, b) => compareVersions(a.version, b.version));
}

/**
 * The values in the newest form, and what leads back.
 *
 * @throws {Failure<"migration-failed" | "migration-lossy">} naming the migration, and the keys that would not come back
 */
export function migrated(
  values: Values,
  migrations: readonly Migration[],
): { values: Map<string, Json>; applied: AppliedMigration[] } {
  const applied: AppliedMigration[] = [];
  let after = new Map(values);
  for (const migration of migrations) {
    const kept = new Map<string, Json>();
    for (const step of migration.steps) after = stepped(after, step, kept, refusing(migration));
    applied.push({ migration, kept: Object.fromEntries(kept) });
  }
  const back = reverted(after, applied, refusing);
  const names = migrations.map(({ version, summary }) => `${summary} (${version})`).join("; ");
  assertSame(values, back, `cannot go back after ${names}`);
  return { values: after, applied };
}

/**
 * Values of a newer form in the one before `applied`, which is taken back from its end.
 *
 * @param refuses for each migration, what happens with a key whose value has no older form: it throws, or the key
 *   returns to its default
 */
export function reverted(
  values: Values,
  applied: readonly AppliedMigration[],
  refuses: (migration: Migration) => Refuse,
): Map<string, Json> {
  let before = new Map(values);
  for (const { migration, kept } of applied.toReversed()) {
    const left = new Map(Object.entries(kept));
    for (const step of migration.steps.toReversed()) before = stepped(before, inverse(step), left, refuses(migration));
  }
  return before;
}

/** @throws {Failure<"migration-lossy">} naming the keys that differ */
export function assertSame(values: Values, again: Values, message: string): void {
  const lost = [...new Set([...values.keys(), ...again.keys()])].filter(
    (key) => !isDeepStrictEqual(values.get(key), again.get(key)),
  );
  if (lost.length === 0) return;
  throw new Failure("migration-lossy", `${message}: ${lost.toSorted().join(", ")} would change`);
}

/** Told about a key that a step can do nothing with. */
export type Refuse = (key: string, reason: string) => void;

/** @throws {Failure<"migration-failed">} for the first such key */
export function refusing({ version, summary }: Migration): Refuse {
  return (key, reason) => {
    throw new Failure("migration-failed", `cannot ${summary} (${version}): ${key} ${reason}`);
  };
}

type Inverse =
  | { do: "restore"; key: string }
  | { do: "divide"; key: string; by: number }
  | { do: "unlist"; key: string };

function inverse(step: MigrationStep): MigrationStep | Inverse {
  switch (step.do) {
    case "rename":
      return { do: "rename", from: step.to, to: step.from };
    case "remove":
      return { do: "restore", key: step.key };
    case "replace":
      return { ...step, values: step.values.map(([before, after]) => [after, before]) };
    case "multiply":
      return { ...step, do: "divide" };
    case "list":
      return { do: "unlist", key: step.key };
  }
}

/** @param kept what removals take, and restoring gives back */
function stepped(
  values: ReadonlyMap<string, Json>,
  step: MigrationStep | Inverse,
  kept: Map<string, Json>,
  refuse: Refuse,
): Map<string, Json> {
  const next = new Map(values);
  switch (step.do) {
    case "rename":
      for (const [key, value] of values) {
        const rest = below(step.from, key);
        if (rest === undefined) continue;
        next.delete(key);
        if (values.has(step.to + rest)) refuse(key, `cannot take the place of ${step.to}${rest}, which is set`);
        else next.set(step.to + rest, value);
      }
      return next;
    case "remove":
      for (const [key, value] of values) {
        if (below(step.key, key) === undefined) continue;
        kept.set(key, value);
        next.delete(key);
      }
      return next;
    case "restore":
      for (const [key, value] of kept) if (below(step.key, key) !== undefined) next.set(key, value);
      return next;
    case "replace":
      return changed(next, step.key, refuse, (value) => {
        return step.values.find(([before]) => isDeepStrictEqual(before, value))?.[1];
      });
    case "multiply":
      return changed(next, step.key, refuse, (value) => (typeof value === "number" ? value * step.by : undefined));
    case "divide":
      return changed(next, step.key, refuse, (value) => (typeof value === "number" ? value / step.by : undefined));
    case "list":
      return changed(next, step.key, refuse, (value) => (Array.isArray(value) ? undefined : [value]));
    case "unlist":
      return changed(next, step.key, refuse, (value) =>
        Array.isArray(value) && value.length === 1 ? value[0] : undefined,
      );
  }
}

/** With another value for `key` when it is set; one that `change` has no answer for is refused and gone. */
function changed(
  values: Map<string, Json>,
  key: string,
  refuse: Refuse,
  change: (value: Json) => Json | undefined,
): Map<string, Json> {
  const value = values.get(key);
  if (value === undefined) return values;
  const after = change(value);
  if (after === undefined) {
    values.delete(key);
    refuse(key, `is ${JSON.stringify(value)}, which has no form there`);
  } else values.set(key, after);
  return values;
}

/** What follows `prefix` in a key that is it, or below it. */
function below(prefix: string, key: string): string | undefined {
  if (key === prefix) return "";
  return key.startsWith(`${prefix}.`) ? key.slice(prefix.length) : undefined;
}
