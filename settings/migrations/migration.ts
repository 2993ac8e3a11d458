/**
 * What becomes of settings that somebody set when a version renames, removes or retypes one. Defaults are code and need
 * nothing.
 *
 * A migration is data, so that a host can try one of a version that it does not run yet without running its code: it is
 * carried by the image, and published beside it. The kinds of steps are few and each has a way back. A new kind is for
 * the version after the one that brings it: older hosts refuse what they do not know.
 */
import { z } from "zod";
import { Failure } from "../../lib/failure.ts";
import { parseJson, type Json } from "../../lib/text/json.ts";

const key = z.string().regex(/^settings\.\S+$/, 'a key such as "settings.ntp.time-servers"');
/** Proven by its only source: what is checked is a part of what `parseJson` gave. */
const json = z.custom<Json>((value) => value !== undefined);

/** A key stands for itself and for everything below it, except where a value is changed. */
const step = z.discriminatedUnion("do", [
  z.strictObject({ do: z.literal("rename"), from: key, to: key }),
  /** Its value is kept for the way back. */
  z.strictObject({ do: z.literal("remove"), key }),
  /** Each value has another form: pairs of old and new. */
  z.strictObject({ do: z.literal("replace"), key, values: z.array(z.tuple([json, json])).min(1) }),
  /** A number is counted in another unit. */
  z.strictObject({ do: z.literal("multiply"), key, by: z.number().positive() }),
  /** One value becomes a list of one. */
  z.strictObject({ do: z.literal("list"), key }),
]);
export type MigrationStep = z.infer<typeof step>;

export const migration = z.strictObject({
  /** The first version that has the new form. */
  version: z.string().regex(/^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/, "a version such as 1.2.3"),
  /** For people: "rename settings.a.b to settings.a.c". */
  summary: z.string().min(1),
  steps: z.array(step).min(1),
});
export type Migration = z.infer<typeof migration>;

/** The name under which it is published; Bottlerocket's scheme (its sources/api/migration/migrator). */
export function migrationName({ version, summary }: Migration): string {
  const words = summary.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
  return `migrate_v${version}_${words.replaceAll(/^-|-$/g, "").slice(0, 100)}.json`;
}

/** @throws {Failure<"bad-migration">} also for a step of a kind that this version does not know */
export function parseMigration(text: string, name: string): Migration {
  let document: Json;
  try {
    document = parseJson(text);
  } catch (cause) {
    throw new Failure("bad-migration", `cannot use the migration ${name}`, { cause });
  }
  const parsed = migration.safeParse(document);
  if (parsed.success) return parsed.data;
  throw new Failure("bad-migration", `cannot use the migration ${name}: ${z.prettifyError(parsed.error)}`, {
    hint: "it may be of a newer version than this host can try: update to a version in between first",
  });
}
