/**
 * What an archive offers for one architecture: the `Packages` indexes of several suites, as one.
 *
 * Of each name the newest version counts; the suites are one distribution in which later ones mend earlier ones.
 */
import { Failure } from "../../../lib/failure.ts";
import { type Paragraph, parseControl } from "./control.ts";
import { parseDependencies } from "./dependency.ts";
import type { DebianArchive } from "./mirror.ts";
import { compareVersions } from "./version.ts";

export type Package = {
  name: string;
  version: string;
  /** A Debian architecture, or "all". */
  architecture: string;
  multiArch: string;
  section: string;
  priority: string;
  /** The source package it was built from. */
  source: { name: string; version: string };
  archive: DebianArchive;
  /** Below the archive's address. */
  path: string;
  sha256: string;
  bytes: number;
  /** Relationships as the index has them; `parseDependencies` reads them. */
  relations: Readonly<Record<"pre-depends" | "depends" | "conflicts" | "breaks" | "replaces" | "provides", string>>;
};

export type PackageIndex = {
  packages: ReadonlyMap<string, Package>;
  /** The packages that provide a name that need not be a package, with the version they provide it in. */
  providers: ReadonlyMap<string, readonly { package: Package; version?: string }[]>;
};

/** Reads one `Packages` file. */
export function* readPackages(text: string, archive: DebianArchive, where: string): Generator<Package> {
  for (const paragraph of parseControl(text, where)) yield packageOf(paragraph, archive, where);
}

/** The index of the newest version of every package. */
export function indexOf(packages: Iterable<Package>): PackageIndex {
  const newest = new Map<string, Package>();
  for (const candidate of packages) {
    const known = newest.get(candidate.name);
    if (known === undefined || compareVersions(candidate.version, known.version) > 0) {
      newest.set(candidate.name, candidate);
    }
  }
  const providers = new Map<string, { package: Package; version?: string }[]>();
  for (const provider of newest.values()) {
    for (const [provided] of parseDependencies(provider.relations.provides)) {
      if (provided === undefined) continue;
      const list = providers.get(provided.name) ?? [];
      list.push({ package: provider, ...(provided.bound === undefined ? {} : { version: provided.bound.version }) });
      providers.set(provided.name, list);
    }
  }
  return { packages: newest, providers };
}

function packageOf(fields: Paragraph, archive: DebianArchive, where: string): Package {
  const required = (field: string): string => {
    const value = fields.get(field);
    if (value !== undefined) return value;
    throw new Failure("bad-index", `cannot read ${where}: package ${fields.get("package") ?? "?"} has no ${field}`);
  };
  const name = required("package");
  const version = required("version");
  const sha256 = required("sha256");
  const bytes = Number(required("size"));
  const path = required("filename");
  if (!/^[0-9a-f]{64}$/.test(sha256) || !Number.isSafeInteger(bytes) || !/^pool\/(?!.*\.\.)[\x21-\x7e]+$/.test(path)) {
    throw new Failure(
      "bad-index",
      `cannot read ${where}: package ${name} has sha256 ${sha256}, size ${bytes}, ${path}`,
    );
  }
  return {
    name,
    version,
    architecture: required("architecture"),
    multiArch: fields.get("multi-arch") ?? "no",
    section: fields.get("section") ?? "misc",
    priority: fields.get("priority") ?? "optional",
    source: sourceOf(fields.get("source"), name, version),
    archive,
    path,
    sha256,
    bytes,
    relations: {
      "pre-depends": fields.get("pre-depends") ?? "",
      depends: fields.get("depends") ?? "",
      conflicts: fields.get("conflicts") ?? "",
      breaks: fields.get("breaks") ?? "",
      replaces: fields.get("replaces") ?? "",
      provides: fields.get("provides") ?? "",
    },
  };
}

/** `Source: name (version)`; the field is absent when it says nothing new (Policy 5.6.1). */
function sourceOf(text: string | undefined, name: string, version: string): { name: string; version: string } {
  const [, sourceName = name, sourceVersion = version] = /^(\S+)(?:\s+\((\S+)\))?$/.exec(text ?? "") ?? [];
  return { name: sourceName, version: sourceVersion };
}
