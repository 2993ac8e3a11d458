/** What `./orlop userdata check` says about user data: the same that a host of the variant would say. */
import { parseDocument } from "./document.ts";
import type { Model } from "../model/model.ts";
import { describeProblem, type Problem } from "../model/problem.ts";

export type CheckReport = { valid: boolean; problems: Problem[]; warnings: Problem[] };

export function checkDocument(document: string | Uint8Array, model: Model, now?: Date): CheckReport {
  const parsed = parseDocument(document, model, now);
  return parsed.ok
    ? { valid: true, problems: [], warnings: parsed.warnings }
    : { valid: false, problems: parsed.problems, warnings: [] };
}

/** For people: a line for each problem, in a form that editors and terminals link to the place. */
export function describeCheck(file: string, { valid, problems, warnings }: CheckReport): string {
  const lines = [
    ...problems.map((problem) => describeIn(file, problem)),
    ...warnings.map((warning) => describeIn(file, warning, "warning: ")),
  ];
  if (valid) lines.push(`${file} is valid`);
  return lines.join("\n");
}

function describeIn(file: string, { line, column, ...problem }: Problem, mark = ""): string {
  const place = line === undefined ? file : `${file}:${line}${column === undefined ? "" : `:${column}`}`;
  return `${place}: ${mark}${describeProblem(problem)}`;
}
