/**
 * User data: a TOML or JSON document with a `[settings]` table, perhaps gzipped.
 *
 * Nothing that is handed in makes these functions throw; whatever is wrong is a problem with line and column.
 */
import { defined } from "../../lib/defined.ts";
import { readJsonDocument } from "../../lib/text/json-document.ts";
import { isWrittenObject, type Written } from "../../lib/text/literal.ts";
import { nearest } from "../../lib/text/nearest.ts";
import { placeOf, type Places } from "../../lib/text/places.ts";
import { readToml } from "../../lib/text/toml.ts";
import type { Finding } from "../model/complaint.ts";
import { textOf } from "./document-text.ts";
import { looksLike } from "./foreign-document.ts";
import { isGroup } from "../groups/group.ts";
import { root, splitKey } from "../model/key.ts";
import { settingsPerChange } from "./limits.ts";
import type { Model, SettingsTree } from "../model/model.ts";
import { show, type Parsed, type Problem } from "../model/problem.ts";

/** Shape, values and what settings need from each other. With `now`, also whether certificates are in force. */
export function parseDocument(document: string | Uint8Array, model: Model, now?: Date): Parsed<SettingsTree> {
  const result = readDocument(document, model);
  if (!result.ok) return result;
  const placed = (problem: Problem): Problem => ({
    ...problem,
    ...placeOf(result.places(), splitKey(problem.key), "name"),
  });
  const problems = model.requirements(result.value).map(placed);
  if (problems.length > 0) return { ok: false, problems };
  return {
    ok: true,
    value: result.value,
    warnings: [...result.warnings, ...model.advice(result.value, now).map(placed)],
  };
}

export type DocumentReading =
  | { ok: true; value: SettingsTree; warnings: Problem[]; places: () => Places }
  | { ok: false; problems: Problem[] };

/** Shape and values only: for a document that another one may complete. */
export function readDocument(document: string | Uint8Array, model: Model): DocumentReading {
  const text = textOf(document);
  if (typeof text !== "string") return { ok: false, problems: [text] };
  // No TOML document starts with a brace.
  const read = text.trimStart().startsWith("{") ? readJsonDocument(text) : readToml(text);
  if (!read.ok) {
    const { line, column, message: flaw } = read.error;
    const format = looksLike(text);
    const message = format === undefined ? flaw : `it looks like ${format}, expected TOML or JSON (${flaw})`;
    return { ok: false, problems: [{ key: "", message: `cannot read the document: ${message}`, line, column }] };
  }
  return settingsIn(text, read.value, read.places, model);
}

function settingsIn(text: string, value: Written, places: () => Places, model: Model): DocumentReading {
  if (!isWrittenObject(value)) {
    const problem = { key: "", message: `the document must be a table with the key settings, not ${show(value)}` };
    return { ok: false, problems: [{ ...problem, line: 1, column: 1 }] };
  }
  const outside = Object.keys(value).filter((name) => name !== root);
  if (!Object.hasOwn(value, root)) {
    if (outside.length > 0) return { ok: false, problems: outside.map((name) => misplaced(name, places())) };
    const warnings = text.trim() === "" ? [] : [{ key: "", message: "the document sets nothing", line: 1, column: 1 }];
    return { ok: true, value: {}, warnings, places };
  }
  const reading = model.read(value[root] ?? null);
  if (reading.problems.length > 0) return { ok: false, problems: placed(reading.problems, places()) };
  const count = model.leaves(reading.value).size;
  if (count > settingsPerChange) {
    const message = `the document sets ${count} settings, at most ${settingsPerChange} fit into a host at once`;
    return { ok: false, problems: [{ key: "", message, line: 1, column: 1 }] };
  }
  if (outside.length === 0 && reading.warnings.length === 0)
    return { ok: true, value: reading.value, warnings: [], places };
  const ignored = outside.map((name): Finding => {
    return {
      path: [name],
      about: "name",
      problem: { key: name, message: `${name} is ignored: only settings is read` },
    };
  });
  return { ok: true, value: reading.value, warnings: placed([...reading.warnings, ...ignored], places()), places };
}

/** In the order in which a person reads the document. */
function placed(findings: readonly Finding[], places: Places): Problem[] {
  return findings
    .map(({ problem, path, about }) => ({ ...problem, ...placeOf(places, path, about) }))
    .toSorted((a, b) => a.line - b.line || a.column - b.column);
}

/** For a document without a settings table: what each key may have been meant to be. */
function misplaced(name: string, places: Places): Problem {
  const position = placeOf(places, [name], "name");
  const message = `${name} stands outside of settings, and the document has no [settings] table`;
  const suggestion = isGroup(name) ? `settings.${name}` : nearest(name, [root]);
  return { key: name, message, ...position, ...defined({ suggestion }) };
}
