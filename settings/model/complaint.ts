/** Turns zod's issues with a value into problems: which key, what was expected, what was there. */
import type { z } from "zod";
import { nearest } from "../../lib/text/nearest.ts";
import { joinKey } from "./key.ts";
import { show, withSuggestion, type Problem } from "./problem.ts";
import { visiblePart, type Secrecy } from "./secrecy.ts";

/** A problem and the place in the tree it is about. */
export type Finding = {
  /** Names from "settings" on, then places within a list. */
  path: readonly PropertyKey[];
  /** Whether the name is wrong, or what it stands for. */
  about: "name" | "value";
  problem: Problem;
};

type Issue = z.core.$ZodIssue;

/** One finding for each place in the value, the first that zod has there. */
export function complaints(segments: readonly string[], error: z.ZodError, secrecy: Secrecy): Finding[] {
  const findings = new Map<string, Finding>();
  for (const issue of error.issues.flatMap((issue) => unfold(issue, []))) {
    for (const finding of findingsOf(segments, issue, secrecy)) {
      const place = finding.path.map(String).join("\0");
      if (!findings.has(place)) findings.set(place, finding);
    }
  }
  return [...findings.values()];
}

/**
 * The complaints of the alternative that fits best: of those whose outermost type was right, the one that got deepest,
 * then the one with fewest complaints. What fits none, or two equally, gets the words for all alternatives.
 */
function unfold(issue: Issue, parents: readonly PropertyKey[]): Issue[] {
  const path = [...parents, ...issue.path];
  if (issue.code !== "invalid_union") return [{ ...issue, path }];
  const branches = issue.errors
    .map((issues) => ({ issues, depth: Math.min(...issues.map((inner) => inner.path.length)) }))
    .filter(({ depth }) => depth > 0)
    .toSorted((a, b) => b.depth - a.depth || a.issues.length - b.issues.length);
  const [best, second] = branches;
  const isTie = best?.depth === second?.depth && best?.issues.length === second?.issues.length;
  return best === undefined || isTie ? [{ ...issue, path }] : best.issues.flatMap((inner) => unfold(inner, path));
}

function findingsOf(segments: readonly string[], issue: Issue, secrecy: Secrecy): Finding[] {
  const key = joinKey(segments);
  const place = key + placeWithin(issue.path);
  const path = [...segments, ...issue.path];
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((name) => {
      const problem = { key, message: `${place} has no key ${JSON.stringify(name)}, ${issue.message}` };
      return { path: [...path, name], about: "name", problem };
    });
  }
  const { input } = issue;
  const missing = input === undefined && issue.path.length > 0;
  const message = missing
    ? `${place} is missing: it ${issue.message}`
    : `${place} ${issue.message}${secrecy === "secret" ? "" : `, not ${show(visiblePart(secrecy, input))}`}`;
  const values = issue.code === "invalid_value" ? issue.values.filter((value) => typeof value === "string") : [];
  const suggestion = typeof input === "string" && secrecy === "open" ? nearest(input, values) : undefined;
  return [{ path, about: "value", problem: withSuggestion({ key, message }, suggestion) }];
}

/** `[2].address`, counted from 0 as TOML and JSON tools do. */
function placeWithin(path: readonly PropertyKey[]): string {
  return path.map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`)).join("");
}
