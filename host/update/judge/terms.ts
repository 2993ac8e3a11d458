/**
 * The terms of a trial: by which checks a version is judged, and what was ill before it started.
 *
 * They are kept by the version that makes another one boot, until that one starts. A change of the checks during a
 * trial counts from the next update on, and what failed before an update is not held against it.
 */
import { parseJson } from "../../../lib/text/json.ts";
import type { Model } from "../../../settings/model/model.ts";
import type { Settings } from "../../../settings/groups/group.ts";
import type { Ailment } from "../../machine/ailment.ts";
import { kept } from "../../kept/things.ts";
import type { System } from "../../machine/system.ts";

type WantedHealth = Settings["updates"]["health"];

export type NewTerms = { health: WantedHealth; ailments: readonly Ailment[] };

export type Terms = {
  /** Undefined when this version does not understand what was kept. */
  health: WantedHealth | undefined;
  before: ReadonlySet<string>;
};

export async function keepTerms(system: System, version: string, { health, ailments }: NewTerms): Promise<void> {
  const before = [...new Set(ailments.flatMap(({ known = [] }) => known))];
  await kept.updateTerms.replace(system, { version, health: parseJson(JSON.stringify(health)), before });
}

/** For a version that is made to boot by somebody who keeps none: those of an earlier try are not its own. */
export async function forgetTerms(system: System): Promise<void> {
  await kept.updateTerms.remove(system);
}

/** Undefined when none are known: everything is to hold then. Never rejects. */
export async function readTerms(system: System, model: Model, version: string): Promise<Terms | undefined> {
  try {
    const terms = await kept.updateTerms.read(system);
    if (terms?.version !== version) return undefined;
    const parsed = model.parse({ updates: { health: terms.health } });
    if (!parsed.ok) system.log.info(`update: the checks that were kept are not of this version: settings count`);
    return {
      health: parsed.ok ? model.complete(parsed.value).updates.health : undefined,
      before: new Set(terms.before),
    };
  } catch (error) {
    system.log.error(`update: cannot read the terms of this trial: everything is to hold`, error);
    return undefined;
  }
}

/** Whether it was there before the version started. */
export function wasBefore(terms: Pick<Terms, "before"> | undefined, { known = [] }: Ailment): boolean {
  return terms !== undefined && known.length > 0 && known.every((each) => terms.before.has(each));
}
