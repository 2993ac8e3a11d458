/** Puts what zod says about a value into problems: which key, what was expected, what was there. */
import type { z } from "zod";
import { nearest } from "../lib/nearest.ts";
import { joinKey } from "./key.ts";
import type { Problem } from "./problem.ts";

/** What a document can say and no setting can hold: a date, 110.0, an integer too large. Shown as it was written. */
export class Literal {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

type Issue = z.core.$ZodIssue;

/** The value as messages show it. */
export function show(value: unknown): string {
  if (value instanceof Literal) return value.text;
  if (typeof value === "string") return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value);
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (typeof value === "object" && value !== null) return "a table";
  return String(value);
}

/** One problem for each place in the value, the first that zod found there. */
export function complaints(segments: readonly string[], error: z.ZodError, { secret }: { secret: boolean }): Problem[] {
  const problems = new Map<string, Problem>();
  for (const issue of error.issues.flatMap((issue) => unfold(issue, []))) {
    for (const problem of problemsOf(segments, issue, secret)) {
      const place = `${problem.key} ${issue.path.join(" ")}`;
      if (!problems.has(place)) problems.set(place, problem);
    }
  }
  return [...problems.values()];
}

/** The complaint of the alternative that fits best: the only one whose outermost type was right. */
function unfold(issue: Issue, parents: readonly PropertyKey[]): Issue[] {
  const path = [...parents, ...issue.path];
  if (issue.code !== "invalid_union") return [{ ...issue, path }];
  const close = issue.errors.filter((branch) => !branch.some((inner) => inner.path.length === 0));
  const [only] = close;
  return only === undefined || close.length > 1 ? [{ ...issue, path }] : only.flatMap((inner) => unfold(inner, path));
}

function problemsOf(segments: readonly string[], issue: Issue, secret: boolean): Problem[] {
  const key = joinKey(segments);
  const place = key + placeWithin(issue.path);
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((name) => ({ key, message: `${place} has no key ${JSON.stringify(name)}` }));
  }
  const { input } = issue;
  const problem: Problem = {
    key,
    message:
      input === undefined && issue.path.length > 0
        ? `${place} is missing: it ${issue.message}`
        : `${place} ${issue.message}${secret ? "" : `, not ${show(input)}`}`,
  };
  if (issue.code === "invalid_value" && typeof input === "string" && !secret) {
    const suggestion = nearest(
      input,
      issue.values.filter((value) => typeof value === "string"),
    );
    if (suggestion !== undefined) problem.suggestion = suggestion;
  }
  return [problem];
}

/** `[2].address`, counted from 0 as TOML and JSON tools do. */
function placeWithin(path: readonly PropertyKey[]): string {
  return path.map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`)).join("");
}
