/**
 * Secret settings are shown to whoever may set them. Everybody else sees that there is a value, and not which.
 */
import { allows } from "../../api/endpoints/endpoint.ts";
import type { Json } from "../../lib/text/json.ts";
import type { Model } from "../../settings/model/model.ts";
import type { Change } from "../datastore/datastore.ts";
import type { Caller } from "./server/caller.ts";

/** Stands for a value that the caller may not see. */
const masked = "(secret)";

export function seesSecrets({ role }: Caller): boolean {
  return role !== undefined && allows(role, "admin");
}

/** Values by full key, without those of secrets. */
export function withoutSecrets<Value>(model: Model, values: ReadonlyMap<string, Value>): Map<string, Value | Json> {
  return new Map([...values].map(([key, value]) => [key, model.isSecret(key) ? masked : value]));
}

/** What the caller may see of changes. */
export function visibleChanges(model: Model, changes: readonly Change[], caller: Caller): Change[] {
  if (seesSecrets(caller)) return [...changes];
  return changes.map((change) => {
    const { key, before, after } = change;
    if (!model.isSecret(key)) return change;
    return {
      key,
      ...(before === undefined ? {} : { before: masked }),
      ...(after === undefined ? {} : { after: masked }),
    };
  });
}

/** Arguments of a program may be secrets, and nobody says which. */
export function visibleCommand(command: readonly string[], caller: Caller): string[] {
  return seesSecrets(caller) || command.length < 2 ? [...command] : [...command.slice(0, 1), masked];
}
