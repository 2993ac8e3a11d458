/** JSON merge patches: RFC 7396. */
import { isJsonObject, type Json, type JsonObject } from "../../../lib/text/json.ts";

export function applyMergePatch(target: JsonObject, patch: JsonObject): JsonObject {
  const merged: JsonObject = { ...target };
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name];
    else merged[name] = mergedValue(merged[name], value);
  }
  return merged;
}

function mergedValue(before: Json | undefined, value: Json): Json {
  if (!isJsonObject(value)) return value;
  return applyMergePatch(isJsonObject(before) ? before : {}, value);
}
