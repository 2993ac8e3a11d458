/** Everything secret that a host tells its administrator: in settings, as they are and were, and in arguments of programs. */
import type { HistoryBody } from "../../api/answers.ts";
import type { Json } from "../../lib/text/json.ts";
import type { Model, SettingsTree } from "../../settings/model/model.ts";
import { secretTexts } from "./secret-texts.ts";

export function secretsOfHost(model: Model, settings: SettingsTree, history: HistoryBody = []): Set<string> {
  const secrets = new Set<string>();
  const add = (key: string, value: Json | undefined): void => {
    if (value === undefined) return;
    for (const text of secretTexts(model.secrecy(key), value)) secrets.add(text);
  };
  for (const [key, value] of model.leaves(settings)) add(key, value);
  for (const entry of history) {
    if ("exec" in entry) for (const text of secretTexts("secret", entry.exec.command.slice(1))) secrets.add(text);
    if (!("changes" in entry)) continue;
    for (const { key, before, after } of entry.changes) for (const value of [before, after]) add(key, value);
  }
  return secrets;
}
