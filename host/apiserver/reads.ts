/** Which settings a function reads: found by letting it read them. */
import { joinKey, root } from "../../settings/key.ts";
import type { Settings } from "../../settings/model.ts";

/**
 * The settings, and the keys that were read through them so far. A key is noted when its value is no table or is absent;
 * listing the names of a table notes the table itself, since whatever appears in it would be read too.
 */
export function recordReads(settings: Settings): { settings: Settings; keys: Set<string> } {
  const keys = new Set<string>();
  return { settings: recording(settings, [root], keys), keys };
}

function recording<Table extends object>(table: Table, segments: readonly string[], keys: Set<string>): Table {
  return new Proxy(table, {
    get(target, name, receiver): unknown {
      const value: unknown = Reflect.get(target, name, receiver);
      if (typeof name === "symbol") return value;
      const below = [...segments, name];
      if (typeof value === "object" && value !== null && !Array.isArray(value)) return recording(value, below, keys);
      if (Object.hasOwn(target, name) || value === undefined) keys.add(joinKey(below));
      return value;
    },
    has(target, name) {
      if (typeof name === "string") keys.add(joinKey([...segments, name]));
      return Reflect.has(target, name);
    },
    ownKeys(target) {
      keys.add(joinKey(segments));
      return Reflect.ownKeys(target);
    },
  });
}
