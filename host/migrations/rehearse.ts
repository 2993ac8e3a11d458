/** Whether the settings of this host survive the way to another version and back, found out before it is taken. */
import { compareVersions } from "../../repo/version.ts";
import type { Migration } from "../../settings/migrations/migration.ts";
import type { Values } from "../datastore/change.ts";
import { kept } from "../kept/things.ts";
import type { System } from "../machine/system.ts";
import { split } from "./bring.ts";
import { assertSame, between, reverted, migrated, refusing } from "./migration.ts";

/**
 * Changes nothing.
 *
 * @param values of the version that runs
 * @param published the migrations that the other version brings; an older one brings none that is of use
 * @throws {Failure<"migration-failed" | "migration-lossy">} naming the keys that would be lost
 */
export async function rehearse(
  system: System,
  values: Values,
  versions: { running: string; target: string },
  published: readonly Migration[],
): Promise<void> {
  const { running, target } = versions;
  if (compareVersions(target, running) > 0) {
    migrated(values, between(published, running, target));
    return;
  }
  const mark = await kept.settingsForm.read(system);
  if (mark === undefined) return;
  const { leaves } = split(mark, target);
  const older = reverted(values, leaves, refusing);
  const again = migrated(
    older,
    leaves.map(({ migration }) => migration),
  );
  assertSame(values, again.values, `cannot return to ${running} after ${target}`);
}
