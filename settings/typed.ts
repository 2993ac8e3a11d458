/** Values typed as text on a command line: `set key=value`. */
import { isFailure } from "../lib/failure.ts";
import { parseJson, type Json } from "../lib/json.ts";
import type { Parsed } from "./problem.ts";
import { readNode, type Reading } from "./reading.ts";
import type { Setting } from "./setting.ts";

/**
 * The text itself where the setting takes texts, else what the text says in JSON.
 *
 * A list may be given as its only item, which nobody means otherwise.
 */
export function typedValue(setting: Setting, text: string, segments: readonly string[]): Parsed<Json> {
  const read = (value: Json): Reading => readNode(setting, value, segments, () => undefined);
  const asText = read(text);
  if (asText.value !== undefined) return accepted(asText.value, asText);
  const json = jsonOf(text);
  const asJson = read(json ?? [text]);
  if (asJson.value !== undefined) return accepted(asJson.value, asJson);
  const { problems } = typeof json === "object" ? asJson : asText;
  return { ok: false, problems: problems.map(({ problem }) => problem) };
}

function accepted(value: Json, { warnings }: Reading): Parsed<Json> {
  return { ok: true, value, warnings: warnings.map(({ problem }) => problem) };
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
