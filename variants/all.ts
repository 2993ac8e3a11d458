/** Every variant, by name. */
import { Failure } from "../lib/failure.ts";
import { nearest } from "../lib/nearest.ts";
import { dev } from "./dev.ts";
import type { Variant } from "./variant.ts";

export const variants: ReadonlyMap<string, Variant> = new Map([dev].map((variant) => [variant.name, variant]));

/** @throws {Failure<"no-such-variant">} */
export function variantNamed(name: string): Variant {
  const variant = variants.get(name);
  if (variant !== undefined) return variant;
  const meant = nearest(name, variants.keys());
  throw new Failure("no-such-variant", `cannot use variant ${JSON.stringify(name)}: there is none of that name`, {
    hint: meant === undefined ? `choose one of ${[...variants.keys()].join(", ")}` : `did you mean ${meant}?`,
  });
}
