/**
 * Which version's form the settings have, and the migrations that lead back from it: beside the datastore, where both
 * sets find it. The way back travels with the settings, since an older image does not know the newer ones' migrations.
 */
import { z } from "zod";
import type { Json } from "../../lib/text/json.ts";
import { migration } from "../../settings/migrations/migration.ts";

const form = z.object({
  /** The version whose form the settings have. */
  form: z.string(),
  /** Every migration that was walked to it, oldest first. */
  applied: z.array(z.object({ migration, kept: z.record(z.string(), z.custom<Json>()) })).default([]),
});
export type Form = z.infer<typeof form>;

export const settingsForm = form.extend({
  /** The newest transaction when that was so. */
  version: z.int(),
  /** The form that the next migration of the datastore leads to, written before it is committed. */
  toward: form.exactOptional(),
});
export type Mark = z.infer<typeof settingsForm>;
