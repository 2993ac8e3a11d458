/** How each extension stands, for `apiclient status`: what settings choose, what is in /usr, and why the two differ. */
import type { StatusBody } from "../../api/status.ts";
import type { Settings } from "../../settings/model/model.ts";
import { isPresent } from "../../lib/files/files.ts";
import { configuredMark } from "../bootstrap/record.ts";
import { hostPath, type System } from "../machine/system.ts";
import { missingIn } from "./fetch-extensions.ts";
import { readLacking, readMerged, type Lacking, type Merged } from "./records.ts";

export type ExtensionStanding = NonNullable<StatusBody["extensions"]>[number];

export type ExtensionWorld = {
  /** This boot has put into /usr what it puts there. */
  booted: boolean;
  /** What this boot has put into /usr; undefined when there was nothing to put there. */
  merged: Merged | undefined;
  lacking: Lacking;
  /** Chosen and not in the store for the version that runs. */
  missing: readonly string[];
};

/** The names that settings choose, in their order. */
export function chosenExtensions({ extensions }: Pick<Settings, "extensions">): string[] {
  return Object.keys(extensions)
    .filter((name) => extensions[name]?.enabled === true)
    .toSorted();
}

export async function extensionWorld(
  system: System,
  chosen: readonly string[],
  version: string,
): Promise<ExtensionWorld> {
  return {
    booted: await isPresent(hostPath(system, configuredMark)),
    merged: await readMerged(system),
    lacking: (await readLacking(system)).filter((each) => each.version === version),
    missing: await missingIn(system, chosen, version),
  };
}

export async function extensionStandings(
  system: System,
  settings: Pick<Settings, "extensions">,
  version: string,
): Promise<ExtensionStanding[]> {
  const chosen = chosenExtensions(settings);
  return standingsOf(chosen, await extensionWorld(system, chosen, version));
}

/** Pure; those that are in /usr and that nobody chooses any more come last. */
export function standingsOf(chosen: readonly string[], world: ExtensionWorld): ExtensionStanding[] {
  const { merged = [] } = world;
  const leaving = merged.filter(({ name, reason }) => reason === undefined && !chosen.includes(name));
  return [
    ...chosen.map((name) => standingOf(name, world)),
    ...leaving.map(({ name }) => ({ name, state: "leaving" }) as const),
  ];
}

function standingOf(name: string, { booted, merged = [], lacking, missing }: ExtensionWorld): ExtensionStanding {
  const ofThisBoot = merged.find((each) => each.name === name);
  if (ofThisBoot !== undefined && ofThisBoot.reason === undefined) return { name, state: "active" };
  if (!booted && ofThisBoot === undefined) return { name, state: "merging" };
  const refusal = lacking.find((each) => each.name === name);
  if (missing.includes(name)) {
    return refusal === undefined ? { name, state: "fetching" } : { name, state: "refused", reason: refusal.reason };
  }
  // It was not here when this boot looked for it, and is now.
  const wasAbsent = ofThisBoot?.reason?.startsWith("it is not here") === true;
  if (ofThisBoot?.reason === undefined || wasAbsent) return { name, state: "waiting" };
  return { name, state: "refused", reason: ofThisBoot.reason };
}
