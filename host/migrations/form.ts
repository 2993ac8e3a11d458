/**
 * Which version's form the settings have, and the migrations that lead back from it: beside the datastore, where both
 * sets find it. The way back travels with the settings, since an older image does not know the newer ones' migrations.
 */
import { z } from "zod";
import { Failure, isFailure } from "../../lib/failure.ts";
import { readTextIfPresent, writeFileAtomic } from "../../lib/files.ts";
import { parseJson, type Json } from "../../lib/json.ts";
import { migration } from "../../settings/migration.ts";
import { hostPath, type System } from "../system.ts";

const path = "/var/lib/orlop/settings-form.json";

const form = z.object({
  /** The version whose form the settings have. */
  form: z.string(),
  /** Every migration that was walked to it, oldest first. */
  applied: z.array(z.object({ migration, kept: z.record(z.string(), z.custom<Json>()) })).default([]),
});
export type Form = z.infer<typeof form>;

const mark = form.extend({
  /** The newest transaction when that was so. */
  version: z.int(),
  /** The form that the next migration of the datastore leads to, written before it is committed. */
  toward: form.exactOptional(),
});
export type Mark = z.infer<typeof mark>;

/** Undefined on a host that has no settings yet. @throws {Failure<"bad-mark">} */
export async function readMark(system: System): Promise<Mark | undefined> {
  const text = await readTextIfPresent(hostPath(system, path), system.storage);
  if (text === undefined) return undefined;
  try {
    return mark.parse(parseJson(text));
  } catch (cause) {
    if (!isFailure(cause, "bad-json") && !(cause instanceof z.ZodError)) throw cause;
    const says = `cannot tell which version's form the settings have: ${path} is damaged, or of a newer version`;
    throw new Failure("bad-mark", says, { cause });
  }
}

export async function writeMark(system: System, next: Mark): Promise<void> {
  await writeFileAtomic(hostPath(system, path), JSON.stringify(next), 0o600, system.storage);
}
