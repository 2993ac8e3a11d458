/** Keys of settings as people type them. */
import type { CompletionCandidate } from "../../../lib/command/command.ts";
import { fullKey, isUnder } from "../../../settings/model/key.ts";

const roots = ["settings", "os", "services", "configuration-files"];

/** A key of the whole model that `get` prints, where other things stand beside the settings. */
export function fullPrefix(typed: string): string {
  return roots.some((root) => isUnder(typed, root)) ? typed : fullKey(typed);
}

/**
 * The keys that may be meant, of every variant: which one the host runs is not asked at each press of a key.
 *
 * A key with a part that the user chooses is offered up to that part.
 */
export async function settingKeys(typed: string, ending = ""): Promise<CompletionCandidate[]> {
  const { variants } = await import("../../../variants/all.ts");
  const { modelFor } = await import("../../../settings/model/model.ts");
  const isShort = typed !== "" && !"settings.".startsWith(typed) && !typed.startsWith("settings.");
  const candidates = new Map<string, CompletionCandidate>();
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
