/**
 * Brings the settings that somebody set to the form of the version that runs, at boot.
 *
 * Up: migrations, rehearsed there and back; one that fails or would lose something changes nothing, and an update on
 * trial goes back because its boot step failed. Down: the older image does not know the newer migrations; it takes back
 * what they changed, from the history of the datastore, and leaves alone what was set since.
 *
 * The mark says which version's form the settings have. It is written after the commit; a migration that was committed
 * before power failed is known by its transaction.
 */
import { z } from "zod";
import { Failure, isFailure } from "../../lib/failure.ts";
import { readTextIfPresent, writeFileAtomic } from "../../lib/files.ts";
import { parseJson } from "../../lib/json.ts";
import { compareVersions } from "../../repo/version.ts";
import { takenBack } from "../datastore/change.ts";
import type { Datastore, Transaction } from "../datastore/datastore.ts";
import { hostPath, type System } from "../system.ts";
import { between, migrated, type Migration } from "./migration.ts";

const markPath = "/var/lib/orlop/settings-form.json";
const part = "migrations";
const mark = z.object({
  /** The version whose form the settings have. */
  form: z.string(),
  /** The newest transaction when that was so. */
  version: z.int(),
});

/** @returns whether anything changed @throws as `migrated` */
export async function bringToForm(
  system: System,
  datastore: Datastore,
  running: string,
  migrations: readonly Migration[],
): Promise<boolean> {
  const left = await readMark(system);
  const before = datastore.version;
  if (left !== undefined && left.form !== running) {
    const newer = compareVersions(running, left.form) > 0;
    await (newer ? up(datastore, left, running, migrations) : down(datastore, running));
  }
  if (left?.form !== running) {
    const text = JSON.stringify({ form: running, version: datastore.version });
    await writeFileAtomic(hostPath(system, markPath), text, 0o600, system.storage);
  }
  return datastore.version !== before;
}

async function up(
  datastore: Datastore,
  left: z.infer<typeof mark>,
  running: string,
  migrations: readonly Migration[],
): Promise<void> {
  const committed = (await datastore.history()).some(
    (transaction) => isMigration(transaction) && transaction.image === running && transaction.version > left.version,
  );
  const steps = between(migrations, left.form, running);
  if (committed || steps.length === 0) return;
  const values = migrated(datastore.values, steps);
  await datastore.replace(values, { kind: "host", part }, steps.map(({ says }) => says).join("; "));
}

/** The newest migrations first, as far back as they were made by versions above the one that runs. */
async function down(datastore: Datastore, running: string): Promise<void> {
  const made = (await datastore.history()).filter(isMigration);
  const older = made.findIndex(({ image }) => compareVersions(image, running) <= 0);
  const newer = older < 0 ? made : made.slice(0, older);
  if (newer.length === 0) return;
  const values = newer.reduce((each, { changes }) => takenBack(each, changes).values, new Map(datastore.values));
  const says = `take back the form of ${newer[0]?.image ?? "a newer version"}`;
  await datastore.replace(values, { kind: "host", part }, says);
}

function isMigration({ by }: Transaction): boolean {
  return by.kind === "host" && by.part === part;
}

async function readMark(system: System): Promise<z.infer<typeof mark> | undefined> {
  const path = hostPath(system, markPath);
  const text = await readTextIfPresent(path, system.storage);
  if (text === undefined) return undefined;
  try {
    return mark.parse(parseJson(text));
  } catch (cause) {
    if (!isFailure(cause, "bad-json") && !(cause instanceof z.ZodError)) throw cause;
    throw new Failure("bad-mark", `cannot tell which version's form the settings have: ${path} is damaged`, { cause });
  }
}
