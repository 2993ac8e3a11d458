/** What a change would do, before anything changes. */
import { isDeepStrictEqual } from "node:util";
import type { PlanRequest } from "../../../api/answers.ts";
import { defaultTransaction } from "../../../api/endpoints/query.ts";
import { Refused } from "../../../api/client/refused.ts";
import type { Json } from "../../../lib/text/json.ts";
import type { Model } from "../../../settings/model/model.ts";
import { visiblePart } from "../../../settings/model/secrecy.ts";
import { changesBetween, withStaged, type Staged } from "../../datastore/change.ts";
import { maskerOf, type Masker } from "../../masking/masker.ts";
import { secretTexts } from "../../masking/secret-texts.ts";
import type { ApiContext } from "../context.ts";
import type { Handlers } from "../handler.ts";
import { planBody } from "../answers/pass-report.ts";
import { seesSecrets, visibleChanges } from "../secrets.ts";
import { proposedValues, withProposed } from "./settings.ts";

/** A preview reads the whole machine; a few at a time leave it room to work. */
const previewsMost = 4;

export function planHandlers(context: ApiContext): Handlers<"plan"> {
  const { model, datastore, changes, engine } = context;
  let previews = 0;

  /** What the request adds to a transaction's staged settings; a body without `tx` stands alone. */
  const proposed = (tx: string | undefined, request: PlanRequest): Staged => {
    const { set, pairs = [], delete: deleted = [] } = request;
    const alone = tx === undefined && (set !== undefined || pairs.length > 0 || deleted.length > 0);
    return withProposed(context, request, alone ? undefined : datastore.pending(tx ?? defaultTransaction));
  };

  return {
    async plan({ query, body, caller }) {
      const request = body ?? {};
      if (!seesSecrets(caller)) refuseGuesses(model, proposedValues(context, request));
      const after = withStaged(datastore.values, proposed(query.tx, request));
      changes.checkWhole(after);
      if (previews >= previewsMost) {
        throw new Refused("too-busy", `cannot plan: ${previewsMost} plans are being made already`);
      }
      previews++;
      try {
        const preview = await engine.preview(model.complete(model.tree(after)));
        return {
          changes: visibleChanges(model, changesBetween(datastore.values, after), caller),
          ...planBody(preview, query.files === true ? maskerFor(context, after) : undefined),
        };
      } finally {
        previews--;
      }
    },
  };
}

/** Takes out what is secret now, and what would be. */
function maskerFor({ model, system }: ApiContext, after: ReadonlyMap<string, Json>): Masker {
  const proposed = maskerOf([...after].flatMap(([key, value]) => [...secretTexts(model.secrecy(key), value)]));
  return (text) => proposed(system.mask(text));
}

/** Whether a guess of what is secret is right would show in what changes. @throws {Refused<"forbidden">} */
function refuseGuesses(model: Model, proposed: ReadonlyMap<string, Json>): void {
  for (const [key, value] of proposed) {
    if (isDeepStrictEqual(visiblePart(model.secrecy(key), value), value)) continue;
    throw new Refused("forbidden", `cannot plan a change of ${key}: it needs the role admin, who sees its value`);
  }
}
