/** Variants with further defaults. */
import { isJsonObject, type JsonObject } from "../lib/text/json.ts";
import type { DefaultsOf } from "../settings/groups/group.ts";
import type { Architecture, Variant } from "./variant.ts";

/** The variant with these defaults over its own; tables are joined, everything else is replaced. */
export function withDefaults(variant: Variant, defaults: DefaultsOf): Variant {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- both are JSON by their types, and so is what is joined
  return { ...variant, defaults: joined(variant.defaults as JsonObject, defaults as JsonObject) as DefaultsOf };
}

function joined(below: JsonObject, above: JsonObject): JsonObject {
  const entries = Object.entries(above).map(([name, value]) => {
    const under = below[name];
    return [name, isJsonObject(under) && isJsonObject(value) ? joined(under, value) : value] as const;
  });
  return { ...below, ...Object.fromEntries(entries) };
}

/**
 * Where hosts of the variant find the repository at `url`, which lies there as `./orlop repo` lays it out.
 *
 * @param url "https://updates.example.com/orlop"
 */
export function updateDefaults(url: string, { name }: Pick<Variant, "name">, architecture: Architecture): DefaultsOf {
  const base = url.replace(/\/+$/, "");
  return {
    updates: {
      "metadata-base-url": `${base}/metadata/${name}/${architecture}/`,
      "targets-base-url": `${base}/targets/`,
    },
  };
}
