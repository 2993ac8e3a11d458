/**
 * Secret settings are shown to whoever may set them. Everybody else sees that there is a value, and not which.
 */
import { allows } from "../../api/endpoints/endpoint.ts";
import type { Model } from "../../settings/model/model.ts";
import { masked, visiblePart } from "../../settings/model/secrecy.ts";
import type { Change } from "../datastore/datastore.ts";
import type { Caller } from "./callers/caller.ts";

export function seesSecrets({ role }: Caller): boolean {
  return role !== undefined && allows(role, "admin");
}

/** What the caller may see of changes. */
export function visibleChanges(model: Model, changes: readonly Change[], caller: Caller): Change[] {
  if (seesSecrets(caller)) return [...changes];
  return changes.map((change) => {
    const { key, before, after } = change;
    const secrecy = model.secrecy(key);
    return {
      key,
      ...(before === undefined ? {} : { before: visiblePart(secrecy, before) }),
      ...(after === undefined ? {} : { after: visiblePart(secrecy, after) }),
    };
  });
}

/** Arguments of a program may be secrets, and nobody says which. */
export function visibleCommand(command: readonly string[], caller: Caller): string[] {
  return seesSecrets(caller) || command.length < 2 ? [...command] : [...command.slice(0, 1), masked];
}
