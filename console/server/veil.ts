/**
 * Keeps secrets out of the page, also those that the host tells its administrators: a screen is seen by others, and what is in
 * a page, every script and extension of the browser may read.
 *
 * Settings and changes of settings lose what their types call secret (`settings/model/secrecy.ts`); in every other text, what
 * was learnt from them is taken out wherever it stands.
 */
import { z } from "zod";
import type { HistoryBody, SettingsTreeBody } from "../../api/answers.ts";
import { secretsOfHost } from "../../host/masking/secrets-of-host.ts";
import { maskerOf, maskShapes, type Masker } from "../../host/masking/masker.ts";
import { isJsonObject, type Json } from "../../lib/text/json.ts";
import { mapTexts } from "../../lib/text/texts.ts";
import type { Model } from "../../settings/model/model.ts";
import { masked, visiblePart, withoutSecrets } from "../../settings/model/secrecy.ts";

/** As in `api/answers.ts`; whatever looks like a change of a setting is treated as such. */
const changeOfSetting = z.looseObject({ key: z.string().startsWith("settings.") });

export class Veil {
  readonly #model: Model;
  #settings: SettingsTreeBody = {};
  #history: HistoryBody = [];
  #mask: Masker = maskShapes;

  constructor(model: Model) {
    this.#model = model;
  }

  /** What the host has told; later texts lose its secrets. */
  learn({
    settings = this.#settings,
    entries = this.#history,
  }: {
    settings?: SettingsTreeBody;
    entries?: HistoryBody;
  }): void {
    this.#settings = settings;
    this.#history = entries;
    this.#mask = maskerOf(secretsOfHost(this.#model, settings, entries));
  }

  /** The tree that GET /settings answers. */
  settings(tree: SettingsTreeBody): SettingsTreeBody {
    return mapTexts(this.#model.tree(withoutSecrets(this.#model, this.#model.leaves(tree))), this.#mask);
  }

  /** Any other answer of the host: history, plan, status. */
  answer<Answer>(answer: Answer): Answer {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- texts become texts, and all else keeps its shape
    return this.#veiled(answer) as Answer;
  }

  text(text: string): string {
    return this.#mask(text);
  }

  #veiled(value: unknown): unknown {
    if (typeof value === "string") return this.#mask(value);
    if (Array.isArray(value)) return value.map((item) => this.#veiled(item));
    if (!isJsonObject(value)) return value;
    const change = changeOfSetting.safeParse(value);
    const fields = Object.entries(value).map(([name, inner]): [string, unknown] => {
      if (change.success && (name === "before" || name === "after")) return [name, this.#part(change.data.key, inner)];
      if (name === "exec" && isJsonObject(inner)) return [name, { ...inner, command: shownCommand(inner["command"]) }];
      return [name, this.#veiled(inner)];
    });
    return Object.fromEntries(fields);
  }

  #part(key: string, value: Json | undefined): unknown {
    return value === undefined ? undefined : this.#veiled(visiblePart(this.#model.secrecy(key), value));
  }
}

/** Arguments of a program may be secrets, and nobody says which. */
function shownCommand(command: Json | undefined): Json {
  const words = z.array(z.string()).safeParse(command).data ?? [];
  return words.length < 2 ? words : [words[0] ?? "", masked];
}
