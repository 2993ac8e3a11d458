/**
 * When a setting is renamed, removed or retyped, what people set has to follow; defaults are code and need nothing.
 *
 * A migration is one file beside this one: a pure function each way over the values that somebody set. `all.ts` lists
 * them. The list is walked up to the version that runs, and it is rehearsed first: there and back must give what was
 * there, or the newer version is not good for this host.
 */
import { isDeepStrictEqual } from "node:util";
import { Failure } from "../../lib/failure.ts";
import { compareVersions } from "../../repo/version.ts";
import type { Values } from "../datastore/change.ts";

export type Migration = {
  /** The first version that has the new form. */
  version: string;
  /** "rename settings.a.b to settings.a.c" */
  says: string;
  forward(values: Values): Values;
  backward(values: Values): Values;
};

/** The migrations above `from`, up to `to`, in the order in which they are walked. */
export function between(migrations: readonly Migration[], from: string, to: string): Migration[] {
  return migrations
    .filter(({ version }) => compareVersions(version, from) > 0 && compareVersions(version, to) <= 0)
    .toSorted((a, b) => compareVersions(a.version, b.version));
}

/**
 * The values in the newest form.
 *
 * @throws {Failure<"migration-failed" | "migration-lossy">} naming the migration, and the keys that would not come back
 */
export function migrated(values: Values, steps: readonly Migration[]): Values {
  const walk = (from: Values, way: "forward" | "backward", path: readonly Migration[]): Values =>
    path.reduce((each, step) => {
      try {
        return step[way](each);
      } catch (cause) {
        throw new Failure("migration-failed", `cannot ${step.says} (${step.version}, ${way})`, { cause });
      }
    }, from);
  const after = walk(values, "forward", steps);
  const back = walk(after, "backward", steps.toReversed());
  const lost = [...new Set([...values.keys(), ...back.keys()])].filter(
    (key) => !isDeepStrictEqual(values.get(key), back.get(key)),
  );
  if (lost.length === 0) return after;
  const names = steps.map(({ version, says }) => `${says} (${version})`).join("; ");
  throw new Failure("migration-lossy", `cannot go back after ${names}: ${lost.toSorted().join(", ")} would change`);
}
