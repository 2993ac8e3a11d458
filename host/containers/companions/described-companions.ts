/** Which companions the containers of this host are from. */
import type { System } from "../../machine/system.ts";
import { describedNames, readDescription } from "../described.ts";
import { containerTypes, type Description } from "../description.ts";
import { parseReference, type Reference } from "../registry/reference.ts";
import { companionIn } from "./companion.ts";

/** What every container that hostd has described is from. */
export async function describedReferences(system: System): Promise<Reference[]> {
  const references: Reference[] = [];
  for (const type of containerTypes) {
    for (const name of await describedNames(system, type)) {
      const description = await readDescription(system, { type, name });
      if (description !== undefined) references.push(parseReference(description.source));
    }
  }
  return references;
}

/** What one of them is from; undefined when that is a registry, or nothing is described. */
export async function companionOf(
  system: System,
  container: Pick<Description, "type" | "name">,
): Promise<string | undefined> {
  const description = await readDescription(system, container);
  return description === undefined ? undefined : companionIn(parseReference(description.source));
}

/** Each once. */
export async function describedCompanions(system: System): Promise<string[]> {
  const companions = (await describedReferences(system)).map((reference) => companionIn(reference));
  return [...new Set(companions)].filter((companion) => companion !== undefined);
}
