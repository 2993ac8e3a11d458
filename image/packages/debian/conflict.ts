/** Packages that cannot be in one root: Conflicts and Breaks. Source: Debian Policy 7.3, 7.4, 7.6.2. */
import { Failure } from "../../../lib/failure.ts";
import { type Alternative, describeDependency, parseDependencies } from "./dependency.ts";
import type { Package } from "./package-index.ts";
import { satisfies } from "./version.ts";

/** What goes by a name, with the version that counts for bounds; a virtual package may have none. */
type Bearer = { item: Package; version: string | undefined };

/** @throws {Failure<"package-conflict">} when one of the packages excludes another one */
export function refuseConflicts(packages: readonly Package[]): void {
  const bearers = bearersByName(packages);
  for (const item of packages) {
    for (const [relation, verb] of [
      ["conflicts", "conflicts with"],
      ["breaks", "breaks"],
    ] as const) {
      for (const [against] of parseDependencies(item.relations[relation])) {
        if (against === undefined) continue;
        // A package that conflicts with what it provides itself is its only provider.
        const candidates = (bearers.get(against.name) ?? []).filter((bearer) => bearer.item.name !== item.name);
        const rival = candidates.find((bearer) => isMeant(against, bearer))?.item;
        if (rival === undefined) continue;
        const pair = `${item.name} ${item.version} with ${rival.name} ${rival.version}`;
        throw new Failure(
          "package-conflict",
          `cannot install ${pair}: ${item.name} ${verb} ${describeDependency([against])}`,
        );
      }
    }
  }
}

function bearersByName(packages: readonly Package[]): Map<string, Bearer[]> {
  const bearers = new Map<string, Bearer[]>();
  const add = (name: string, bearer: Bearer): void => {
    bearers.set(name, [...(bearers.get(name) ?? []), bearer]);
  };
  for (const item of packages) {
    add(item.name, { item, version: item.version });
    for (const [provided] of parseDependencies(item.relations.provides)) {
      if (provided !== undefined) add(provided.name, { item, version: provided.bound?.version });
    }
  }
  return bearers;
}

function isMeant({ bound }: Alternative, { version }: Bearer): boolean {
  return bound === undefined || (version !== undefined && satisfies(version, bound.relation, bound.version));
}
