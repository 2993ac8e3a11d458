/** Values typed as text on a command line: `set key=value`. */
import { isFailure } from "../../lib/failure.ts";
import { parseJson, type Json } from "../../lib/text/json.ts";
import type { Parsed } from "./problem.ts";
import { readNode, type Findings } from "./reading.ts";
import type { Setting } from "./setting.ts";

/**
 * The text itself where the setting takes texts, else what the text says in JSON.
 *
 * A list may be given as its only item, which nobody means otherwise.
 */
export function typedValue(setting: Setting, text: string, segments: readonly string[]): Parsed<Json> {
  const asText = read(setting, text, segments);
  if (asText.ok) return asText;
  const json = jsonOf(text);
  const asJson = read(setting, json ?? [text], segments);
  return asJson.ok || typeof json === "object" ? asJson : asText;
}

function read(setting: Setting, value: Json, segments: readonly string[]): Parsed<Json> {
  const to: Findings = { problems: [], warnings: [], whyAbsent: () => undefined };
  const canonical = readNode(setting, value, segments, to);
  return canonical === undefined
    ? { ok: false, problems: to.problems.map(({ problem }) => problem) }
    : { ok: true, value: canonical, warnings: to.warnings.map(({ problem }) => problem) };
}

function jsonOf(text: string): Json | undefined {
  if (/^-?\d+[.eE]/.test(text)) return undefined; // 110.0 is no whole number, and JSON does not keep the difference
  try {
    return parseJson(text);
  } catch (error) {
    if (isFailure(error, "bad-json")) return undefined;
    throw error;
  }
}
