/** How each extension stands, for `apiclient status`: what settings choose, what is in /usr, and why the two differ. */
import type { StatusBody } from "../../api/status.ts";
import type { Settings } from "../../settings/model/model.ts";
import { isPresent } from "../../lib/files/files.ts";
import { configuredMark } from "../bootstrap/record.ts";
import { hostPath, type System } from "../machine/system.ts";
import { missingIn } from "./fetch-extensions.ts";
import { readBootList, readLacking, readMerged, type Lacking, type Merged } from "./records.ts";

export type ExtensionStanding = NonNullable<StatusBody["extensions"]>[number];

export type ExtensionWorld = {
  /** Those that this boot is to put into /usr; undefined while hostd has not said so. */
  bootList: readonly string[] | undefined;
  /** What became of them; undefined before. */
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
  const mayGoOn = await isPresent(hostPath(system, configuredMark));
  return {
    bootList: mayGoOn ? await readBootList(system) : undefined,
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
  const leaving = merged.filter(({ name, state }) => state === "active" && !chosen.includes(name));
  return [
    ...chosen.map((name) => standingOf(name, world)),
    ...leaving.map(({ name }) => ({ name, state: "leaving" }) as const),
  ];
}

function standingOf(name: string, world: ExtensionWorld): ExtensionStanding {
  const { bootList, merged, lacking, missing } = world;
  const ofThisBoot = merged?.find((each) => each.name === name);
  if (ofThisBoot?.state === "active") return { name, state: "active" };
  if (merged === undefined && bootList?.includes(name) !== false) return { name, state: "merging" };
  if (missing.includes(name)) {
    const refusal = lacking.find((each) => each.name === name);
    return refusal === undefined ? { name, state: "fetching" } : { name, state: "refused", reason: refusal.reason };
  }
  if (ofThisBoot?.state === "refused") return { name, state: "refused", reason: ofThisBoot.reason };
  return { name, state: "waiting" };
}
