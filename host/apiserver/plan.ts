/** What a change would do, before anything changes. */
import type { SettingsTreeBody } from "../../api/answers.ts";
import { defaultTransaction } from "../../api/query.ts";
import { Refused } from "../../api/refused.ts";
import type { Json } from "../../lib/json.ts";
import { changesBetween, withStaged } from "../datastore/change.ts";
import type { ApiContext } from "./context.ts";
import type { Handlers } from "./handlers.ts";
import { visibleChanges } from "./secrets.ts";
import { fullKey, keysToDelete, refusedSettings } from "./settings.ts";

/** A preview reads the whole machine; a few at a time leave it room to work. */
const previewsMost = 4;

export function planHandlers(context: ApiContext): Handlers<"plan"> {
  const { model, datastore, changes, engine } = context;
  let previews = 0;

  /** What the request adds to a transaction's staged settings; a body without `tx` stands alone. */
  const proposed = (
    tx: string | undefined,
    set: SettingsTreeBody | undefined,
    deleted: readonly string[],
  ): Map<string, Json | undefined> => {
    const alone = tx === undefined && (set !== undefined || deleted.length > 0);
    const staged = new Map<string, Json | undefined>(alone ? undefined : datastore.pending(tx ?? defaultTransaction));
    const present = [...datastore.values.keys(), ...staged.keys()];
    for (const key of deleted.flatMap((one) => keysToDelete(context, fullKey(one), present)))
      staged.set(key, undefined);
    if (set === undefined) return staged;
    const parsed = model.parse(set);
    if (!parsed.ok) throw refusedSettings(parsed.problems);
    for (const [key, value] of model.leaves(parsed.value)) staged.set(key, value);
    return staged;
  };

  return {
    async plan({ query, body, caller }) {
      const after = withStaged(datastore.values, proposed(query.tx, body?.set, body?.delete ?? []));
      changes.checkWhole(after);
      if (previews >= previewsMost) {
        throw new Refused("too-busy", `cannot plan: ${previewsMost} plans are being made already`);
      }
      previews++;
      try {
        const preview = await engine.preview(model.complete(model.tree(after)));
        return { changes: visibleChanges(model, changesBetween(datastore.values, after), caller), ...preview };
      } finally {
        previews--;
      }
    },
  };
}
