/**
 * What a setting needs from another one.
 *
 * One list for `check`, user data and commits, so that all three say the same. A rule looks at what would be in force,
 * defaults included, and points at the key to set.
 */
import type { Settings } from "./group.ts";
import { joinKey } from "./key.ts";
import type { Problem } from "./problem.ts";
import type { SettingsTree } from "./tree.ts";

export type Rule = {
  name: string;
  /** `set` holds only what someone set, `settings` has the defaults too. */
  check(settings: Settings, set: SettingsTree): Iterable<Problem>;
};

/** A key and what it needs: `settings.api.remote needs client-cas`. */
function needs(segments: readonly string[], sentence: string): Problem {
  const key = joinKey(["settings", ...segments]);
  return { key, message: `${key} ${sentence}` };
}

export const rules: readonly Rule[] = [
  {
    name: "a remote API knows whom to trust",
    *check({ api }) {
      if (api.remote.enabled && Object.keys(api.remote["client-cas"]).length === 0) {
        yield needs(
          ["api", "remote", "client-cas"],
          "needs at least one entry while settings.api.remote.enabled is true",
        );
      }
    },
  },
  {
    name: "a module that is loaded at boot is allowed",
    *check({ kernel }) {
      for (const [name, { allowed, autoload }] of Object.entries(kernel.modules)) {
        if (autoload && !allowed) {
          yield needs(["kernel", "modules", name, "allowed"], "must be true while autoload is true");
        }
      }
    },
  },
];

export function unmet(settings: Settings, set: SettingsTree): Problem[] {
  return rules.flatMap((rule) => [...rule.check(settings, set)]);
}
