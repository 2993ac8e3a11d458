/** Keys of settings as people type them. */
import type { Candidate } from "../../../lib/command.ts";

const roots = ["settings", "os", "services", "configuration-files"];

/** `settings.` may be left out: "motd" is "settings.motd". */
export function fullKey(typed: string): string {
  return isUnderRoot(typed, "settings") ? typed : `settings.${typed}`;
}

/** A key of the whole model that `get` prints, where other things stand beside the settings. */
export function fullPrefix(typed: string): string {
  return roots.some((root) => isUnderRoot(typed, root)) ? typed : `settings.${typed}`;
}

function isUnderRoot(key: string, root: string): boolean {
  return key === root || key.startsWith(`${root}.`);
}

/**
 * The keys that may be meant, of every variant: which one the host runs is not asked at each press of a key.
 *
 * A key with a part that the user chooses is offered up to that part.
 */
export async function settingKeys(typed: string, ending = ""): Promise<Candidate[]> {
  const { variants } = await import("../../../variants/all.ts");
  const { modelFor } = await import("../../../settings/model.ts");
  const isShort = typed !== "" && !"settings.".startsWith(typed) && !typed.startsWith("settings.");
  const candidates = new Map<string, Candidate>();
  for (const variant of variants.values()) {
    for (const { key, doc } of modelFor(variant).catalogue) {
      const open = key.indexOf("<");
      const offered = open >= 0 ? key.slice(0, open) : `${key}${ending}`;
      const value = isShort ? offered.slice("settings.".length) : offered;
      candidates.set(value, { value, help: doc.split(". ", 1)[0] ?? "" });
    }
  }
  return [...candidates.values()];
}
