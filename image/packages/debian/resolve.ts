/**
 * Which packages a list of packages needs: the closure of Depends and Pre-Depends, without Recommends.
 *
 * It is simpler than apt on purpose: one version of each name, the first alternative that can be had unless another
 * one is there already, no backtracking. The same index and lists always give the same answer. Source: Policy 7.
 */
import { Failure } from "../../../lib/failure.ts";
import { refuseConflicts } from "./conflict.ts";
import { type Alternative, type Dependency, describeDependency, parseDependencies } from "./dependency.ts";
import type { Package, PackageIndex } from "./package-index.ts";
import { satisfies } from "./version.ts";

export type PackageRequest = {
  /** Names of packages; they are chosen before anything that they depend on. */
  wanted: readonly string[];
  /** Packages to do without, though others depend on them. One that is wanted by name stays. */
  excluded: ReadonlySet<string>;
  /** A closure resolved before, which is there already. */
  present?: readonly Package[];
};

/** Priorities in the order in which a provider of a virtual package is preferred. */
const priorities = ["required", "important", "standard", "optional", "extra"];

/**
 * The packages that `wanted` needs beyond those given, by name.
 *
 * @throws {Failure<"unsatisfied">} names every package that cannot be had and what depends on it
 * @throws {Failure<"package-conflict">} when two chosen packages exclude each other
 */
export function resolve(index: PackageIndex, { wanted, excluded, present = [] }: PackageRequest): Package[] {
  const chosen = new Map(present.map((item) => [item.name, item]));
  /** The way from a wanted package, for errors. */
  const wantedBy = new Map<string, string>();
  const problems: string[] = [];
  const queue: Package[] = [];
  const choose = (item: Package, by: string): void => {
    if (chosen.has(item.name)) return;
    chosen.set(item.name, item);
    wantedBy.set(item.name, by);
    queue.push(item);
  };

  for (const name of wanted) {
    const item = index.packages.get(name);
    if (item === undefined) problems.push(`no package ${name}, which is asked for by name`);
    else choose(item, "");
  }
  for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
    for (const dependency of dependenciesOf(item)) {
      const answer = satisfy(index, dependency, chosen, excluded, item.architecture);
      if (answer === "missing") problems.push(unsatisfied(index, item, dependency, wantedBy));
      else if (answer !== "satisfied") choose(answer, item.name);
    }
  }
  if (problems.length > 0) {
    throw new Failure("unsatisfied", `cannot resolve packages: ${problems.join("; ")}`);
  }
  refuseConflicts([...chosen.values()]);
  const before = new Set(present.map(({ name }) => name));
  return [...chosen.values()]
    .filter(({ name }) => !before.has(name))
    .toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

function dependenciesOf({ name, version, relations }: Package): Dependency[] {
  try {
    return [...parseDependencies(relations["pre-depends"]), ...parseDependencies(relations.depends)];
  } catch (cause) {
    throw new Failure("bad-dependency", `cannot resolve ${name} ${version}`, { cause });
  }
}

function satisfy(
  index: PackageIndex,
  dependency: Dependency,
  chosen: ReadonlyMap<string, Package>,
  excluded: ReadonlySet<string>,
  architecture: string,
): Package | "satisfied" | "missing" {
  const candidates = dependency.flatMap((alternative) => candidatesFor(index, alternative, architecture));
  if (candidates.some(({ name }) => chosen.has(name))) return "satisfied";
  // What the set does without is not replaced by the next alternative either.
  if (dependency.some(({ name }) => excluded.has(name))) return "satisfied";
  const allowed = candidates.find(({ name }) => !excluded.has(name));
  return allowed ?? (candidates.length > 0 ? "satisfied" : "missing");
}

/** All packages that would do, the best first: the real one, then providers by priority and name. */
function candidatesFor(index: PackageIndex, alternative: Alternative, architecture: string): Package[] {
  const { name, bound } = alternative;
  const real = index.packages.get(name);
  const found: Package[] = [];
  if (
    real !== undefined &&
    (bound === undefined || satisfies(real.version, bound.relation, bound.version)) &&
    fitsArchitecture(real, alternative, architecture)
  ) {
    found.push(real);
  }
  const providers = (index.providers.get(name) ?? [])
    // Policy 7.5: a versioned dependency is met only by a versioned Provides.
    .filter(({ version }) => !bound || (version !== undefined && satisfies(version, bound.relation, bound.version)))
    .map((provider) => provider.package)
    .toSorted((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1));
  return [...found, ...providers];
}

/** There is one architecture here, so `name:any` asks only that the package allows it, and `name:arch` that it is it. */
function fitsArchitecture(real: Package, { architecture: qualifier }: Alternative, architecture: string): boolean {
  if (qualifier === undefined) return true;
  if (qualifier === "any") return real.multiArch === "allowed" || real.multiArch === "foreign";
  return real.architecture === qualifier || (real.architecture === "all" && architecture === qualifier);
}

function rank({ priority }: Package): number {
  const at = priorities.indexOf(priority);
  return at === -1 ? priorities.length : at;
}

function unsatisfied(
  index: PackageIndex,
  item: Package,
  dependency: Dependency,
  wantedBy: ReadonlyMap<string, string>,
): string {
  const way = [item.name];
  for (let by = wantedBy.get(item.name); by !== undefined && by !== ""; by = wantedBy.get(by)) way.push(by);
  const known = dependency
    .flatMap(({ name }) => index.packages.get(name) ?? [])
    .map(({ name, version }) => `${name} is ${version}`);
  const reason = known.length > 0 ? ` (${known.join(", ")})` : "";
  const chain = way.slice(1).map((name) => `, wanted by ${name}`);
  return `nothing satisfies ${describeDependency(dependency)}${reason}, wanted by ${item.name} ${item.version}${chain.join("")}`;
}
