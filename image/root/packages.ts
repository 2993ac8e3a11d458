/** What comes into a root from elsewhere: Debian's packages, and the programs of recipes. */
import type { Variant } from "../../variants/variant.ts";
import type { Additions } from "../additions/additions.ts";
import type { InputFile } from "../inputs.ts";
import { type Lock, type LockedPackage, packagesOf } from "../packages/lock.ts";
import type { Recipe } from "../recipes/recipe.ts";

export type RootPackages = { host: readonly LockedPackage[]; variant: readonly LockedPackage[] };

/** The packages of a variant's root: those every host has with the kernel, and those of the variant alone. */
export function rootPackages(
  lock: Lock,
  variant: Pick<Variant, "name" | "kernel" | "packages">,
  additions: Pick<Additions, "base" | "packages"> | undefined,
): RootPackages {
  const host = packagesOf(lock, ["base", `kernel-${variant.kernel}`]);
  const known = new Set(host.map(({ name }) => name));
  const locked = additions?.base ?? variant;
  const own = locked.packages.length === 0 ? [] : packagesOf(lock, [locked.name]);
  return { host, variant: [...own, ...(additions?.packages ?? [])].filter(({ name }) => !known.has(name)) };
}

/** A program that a recipe made, or that was supplied, and the path in the root where it goes. */
export type PlacedProgram = {
  name: string;
  place: string;
  file: InputFile;
  /** Of what was supplied, which no package or recipe tells of. */
  licenseFile?: InputFile;
  recipe: Pick<Recipe, "name" | "version" | "purl" | "license">;
};
