/**
 * Relationships between packages: `Depends: a (>= 1.2) | b:any, c [amd64]`. Source: Debian Policy 7.1, 7.5.
 *
 * The indexes of binary packages have neither architecture lists nor build profiles; both are refused here.
 */
import { defined } from "../../../lib/defined.ts";
import { Failure } from "../../../lib/failure.ts";
import type { Relation } from "./version.ts";

/** One package that would do, in the bounds given. */
export type Alternative = {
  name: string;
  /** "any" or a Debian architecture, as in `python3:any`. */
  architecture?: string;
  bound?: { relation: Relation; version: string };
};

/** Any one of the alternatives will do; the first is preferred. */
export type Dependency = readonly Alternative[];

const pattern = /^([a-z0-9][a-z0-9+.-]*)(?::([a-z0-9-]+))?(?:\s*\(\s*(<<|<=|=|>=|>>|<|>)\s*([A-Za-z0-9.+:~-]+)\s*\))?$/;

/**
 * Parses the value of Depends, Pre-Depends, Conflicts, Breaks or Provides.
 *
 * @throws {Failure<"bad-dependency">} for text that is no relationship
 */
export function parseDependencies(text: string): Dependency[] {
  return text
    .split(",")
    .map((group) => group.trim())
    .filter((group) => group !== "")
    .map((group) => group.split("|").map(parseAlternative));
}

function parseAlternative(text: string): Alternative {
  const match = pattern.exec(text.trim());
  const [, name, architecture, relation, version] = match ?? [];
  if (name === undefined) {
    throw new Failure(
      "bad-dependency",
      `cannot read dependency ${JSON.stringify(text.trim())}: expected "name (>= 1)"`,
    );
  }
  const bound =
    relation === undefined || version === undefined ? {} : { bound: { relation: strict(relation), version } };
  return { name, ...defined({ architecture }), ...bound };
}

/** Policy 7.1: "<" and ">" are old spellings of "<=" and ">=". */
function strict(relation: string): Relation {
  switch (relation) {
    case "<":
      return "<=";
    case ">":
      return ">=";
    case "<<":
    case "<=":
    case "=":
    case ">=":
    case ">>":
      return relation;
    default:
      throw new Failure("bad-dependency", `cannot read version relation ${JSON.stringify(relation)}`);
  }
}

/** As in the index: "a (>= 1.2) | b:any". */
export function describeDependency(dependency: Dependency): string {
  return dependency
    .map(({ name, architecture, bound }) => {
      const qualified = architecture === undefined ? name : `${name}:${architecture}`;
      return bound === undefined ? qualified : `${qualified} (${bound.relation} ${bound.version})`;
    })
    .join(" | ");
}
