/** What a rule about several settings looks like. */
import type { Settings } from "../groups/group.ts";
import { joinKey, root } from "./key.ts";
import type { Problem } from "./problem.ts";
import type { Selection } from "./selection.ts";
import type { SettingsTree } from "./tree.ts";

export type Rule = {
  /** A claim that holds for settings in order. */
  name: string;
  /** `settings` is what would be in force, defaults included; `set` holds only what someone set. */
  check(settings: Settings, set: SettingsTree, variant: Selection): Iterable<Problem>;
};

/** Like a rule, about what is accepted and is probably not what was meant. */
export type Advice = {
  /** A claim that holds for settings in order. */
  name: string;
  /** @param now undefined where the time is not known: then no rule judges it */
  check(settings: Settings, set: SettingsTree, variant: Selection, now: Date | undefined): Iterable<Problem>;
};

/** A problem at the key to set; `sentence` continues the key. */
export function unmetAt(segments: readonly string[], sentence: string): Problem {
  const key = joinKey([root, ...segments]);
  return { key, message: `${key} ${sentence}` };
}

/** The usual problem: something must be set because something else is. */
export function missing(segments: readonly string[], because: string): Problem {
  return unmetAt(segments, `must be set because ${because}`);
}
