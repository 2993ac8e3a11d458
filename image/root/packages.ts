/** What comes into a root from elsewhere: Debian's packages, and the programs of recipes. */
import type { Variant } from "../../variants/variant.ts";
import type { InputFile } from "../inputs.ts";
import { type Lock, type LockedPackage, packagesOf } from "../packages/lock.ts";
import type { Recipe } from "../recipes/recipe.ts";

export type RootPackages = { host: readonly LockedPackage[]; variant: readonly LockedPackage[] };

/** The packages of a variant's root: those every host has with the kernel, and those of the variant alone. */
export function rootPackages(lock: Lock, variant: Pick<Variant, "name" | "kernel" | "packages">): RootPackages {
  const host = packagesOf(lock, ["base", `kernel-${variant.kernel}`]);
  const known = new Set(host.map(({ name }) => name));
  const own = variant.packages.length === 0 ? [] : packagesOf(lock, [variant.name]);
  return { host, variant: own.filter(({ name }) => !known.has(name)) };
}

/** A program that a recipe made, and the path in the root where it goes. */
export type PlacedProgram = {
  name: string;
  place: string;
  file: InputFile;
  recipe: Pick<Recipe, "name" | "version" | "purl" | "license">;
};
