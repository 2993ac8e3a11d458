/** What is wrong with settings that someone gave, for people and for programs. */
import { Literal } from "../../lib/text/literal.ts";

export type Problem = {
  /** The key it is about, `settings.kernel.lockdown`; empty when it is about the document as a whole. */
  key: string;
  /** A sentence that starts with the key, without period. */
  message: string;
  /** What was probably meant: a key's last segment, or a value. */
  suggestion?: string;
  /** Position in the document, both counted from 1; columns count UTF-16 units, as editors do. */
  line?: number;
  column?: number;
};

export type Parsed<T> = { ok: true; value: T; warnings: Problem[] } | { ok: false; problems: Problem[] };

/** Nobody reads more, and a document may hold a hundred thousand mistakes. */
export const mostProblems = 100;

/** One line: "line 3, column 12: settings.kernel.lockdown must be …; did you mean integrity?". */
export function describeProblem(problem: Problem): string {
  const { line, column, message, suggestion } = problem;
  const position = line === undefined ? "" : `line ${line}${column === undefined ? "" : `, column ${column}`}: `;
  return `${position}${message}${suggestion === undefined ? "" : `; did you mean ${suggestion}?`}`;
}

export function withSuggestion(problem: Problem, suggestion: string | undefined): Problem {
  return suggestion === undefined ? problem : { ...problem, suggestion };
}

/** The value as messages show it. */
export function show(value: unknown): string {
  if (value instanceof Literal) return value.text;
  if (typeof value === "string") return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value);
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (typeof value === "object" && value !== null) return "a table";
  return String(value);
}
