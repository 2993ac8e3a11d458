/**
 * Brings the settings that somebody set to the form of the version that runs, at boot.
 *
 * Up: this image's migrations, rehearsed there and back; one that fails or would lose something changes nothing, and an
 * update on trial goes back because its boot step failed. Down: the migrations that were walked lie beside the settings
 * and are walked back; what the newer version set in a way that has no older form returns to its default, and is
 * logged.
 *
 * First the mark says what is about to happen, then the datastore commits it, then the mark says that it happened. When
 * power fails in between, the datastore's history tells which of the two forms is there.
 */
import { isDeepStrictEqual } from "node:util";
import { compareVersions } from "../../repo/version.ts";
import type { Migration } from "../../settings/migrations/migration.ts";
import type { Values } from "../datastore/change.ts";
import type { Datastore, Transaction } from "../datastore/datastore.ts";
import { kept } from "../kept/things.ts";
import type { System } from "../machine/system.ts";
import type { Form, Mark } from "./form.ts";
import { between, reverted, migrated } from "./migration.ts";

const part = "migrations";

/** @returns whether anything changed @throws as `migrated` */
export async function bringToForm(
  system: System,
  datastore: Datastore,
  running: string,
  migrations: readonly Migration[],
): Promise<boolean> {
  const left = await kept.settingsForm.read(system);
  const from = left === undefined ? await formUnmarked(datastore, running) : await formNow(left, datastore);
  const { values, toward, message } = way(system, datastore.values, from, running, migrations);
  const changes = !isDeepStrictEqual(values, datastore.values);
  if (changes) {
    await kept.settingsForm.replace(system, { ...from, version: datastore.version, toward });
    await datastore.replace(values, { kind: "host", part }, message);
  }
  if (changes || left?.form !== running || left.toward !== undefined) {
    await kept.settingsForm.replace(system, { ...toward, version: datastore.version });
  }
  return changes;
}

/** What the settings become, and the form they have then. */
function way(
  system: System,
  values: Values,
  from: Form,
  running: string,
  migrations: readonly Migration[],
): { values: Values; toward: Form; message: string } {
  if (compareVersions(running, from.form) >= 0) {
    const steps = between(migrations, from.form, running);
    const { values: after, applied } = migrated(values, steps);
    const toward = { form: running, applied: [...from.applied, ...applied] };
    return { values: after, toward, message: steps.map(({ summary }) => summary).join("; ") };
  }
  const { stays, leaves } = split(from, running);
  const back = reverted(values, leaves, ({ version }) => (key, reason) => {
    const message = `settings: ${key} returns to its default: on the way back from ${version} it ${reason}`;
    system.log.info(message);
  });
  return { values: back, toward: { form: running, applied: stays }, message: `take back the form of ${from.form}` };
}

/** Of what was walked: what an older version has walked as well, and what it does not know. */
export function split({ applied }: Form, older: string): { stays: Form["applied"]; leaves: Form["applied"] } {
  const isKnown = ({ migration }: Form["applied"][number]): boolean => compareVersions(migration.version, older) <= 0;
  return { stays: applied.filter(isKnown), leaves: applied.filter((each) => !isKnown(each)) };
}

/** On a host that is new, or whose mark was lost: whoever changed settings last, did so in the form of its version. */
async function formUnmarked(datastore: Datastore, running: string): Promise<Form> {
  const [newest] = await datastore.history(1);
  return { form: newest?.image ?? running, applied: [] };
}

async function formNow(left: Mark, datastore: Datastore): Promise<Form> {
  const isMigration = ({ by }: Transaction): boolean => by.kind === "host" && by.part === part;
  const { form, applied, toward } = left;
  if (toward === undefined) return { form, applied };
  const newest = await datastore.newestTransaction((each) => isMigration(each) || each.version <= left.version);
  return newest !== undefined && newest.version > left.version ? toward : { form, applied };
}
