/** Which settings a function reads: found by letting it read them. */
import { joinKey, root } from "../../settings/model/key.ts";
import type { Settings } from "../../settings/model/model.ts";

/** What `read` reads of the settings, by key, also when it ends with an error. */
export function readBy(settings: Settings, read: (settings: Settings) => unknown): ReadonlyMap<string, unknown> {
  const recorded = recordReads(settings);
  try {
    read(recorded.settings);
  } catch {
    // Whoever asks has met this error already, and wants to know what it depends on.
  }
  return recorded.values;
}

/**
 * The settings, and the keys that were read through them so far. A key is noted when its value is no table or is absent;
 * listing the names of a table notes the table itself, since whatever appears in it would be read too.
 */
export function recordReads(settings: Settings): { settings: Settings; values: Map<string, unknown> } {
  const values = new Map<string, unknown>();
  return { settings: recording(settings, [root], values), values };
}

function recording<Table extends object>(
  table: Table,
  segments: readonly string[],
  values: Map<string, unknown>,
): Table {
  return new Proxy(table, {
    get(target, name, receiver): unknown {
      const value: unknown = Reflect.get(target, name, receiver);
      if (typeof name === "symbol") return value;
      const below = [...segments, name];
      if (typeof value === "object" && value !== null && !Array.isArray(value)) return recording(value, below, values);
      if (Object.hasOwn(target, name) || value === undefined) values.set(joinKey(below), value);
      return value;
    },
    has(target, name) {
      const isThere = Reflect.has(target, name);
      if (typeof name === "string") values.set(joinKey([...segments, name]), isThere);
      return isThere;
    },
    ownKeys(target) {
      const names = Reflect.ownKeys(target);
      values.set(joinKey(segments), names);
      return names;
    },
  });
}
