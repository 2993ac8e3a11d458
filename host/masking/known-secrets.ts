/**
 * The secrets of this host that the daemon knows: those of the settings in force, and those that settings had before,
 * since a log still has what was in force when it was written.
 */
import type { Json } from "../../lib/text/json.ts";
import type { Model } from "../../settings/model/model.ts";
import { changesBetween, type Change } from "../datastore/change.ts";
import type { Datastore } from "../datastore/datastore.ts";
import { maskerOf, type Masker } from "./masker.ts";
import { secretTexts } from "./secret-texts.ts";

/** Memory of the daemon; the oldest go first. */
const formerCharactersMost = 4 * 1024 * 1024;

type Settings = Pick<Datastore, "version" | "values" | "newestFirst" | "changedSince">;

export class KnownSecrets {
  readonly #model: Model;
  readonly #settings: Settings;
  readonly #former = new Set<string>();
  #formerCharacters = 0;
  #made: { version: number; mask: Masker } | undefined;

  constructor(model: Model, settings: Settings) {
    this.#model = model;
    this.#settings = settings;
  }

  mask(text: string): string {
    const { version, values } = this.#settings;
    if (this.#made?.version !== version) {
      const current = [...values].flatMap(([key, value]) => [...this.#textsOf(key, value)]);
      this.#made = { version, mask: maskerOf([...this.#former, ...current]) };
    }
    return this.#made.mask(text);
  }

  /** Reads what settings were before, and goes on with each change until the signal aborts. */
  async keepLearning(until: AbortSignal): Promise<never> {
    for (let known = { version: 0, values: this.#settings.values }; ;) {
      const { version, values } = this.#settings;
      // A change that comes alone shows in the values: reading the history back parses a whole segment of it.
      if (known.version > 0 && version === known.version + 1) this.learn(changesBetween(known.values, values));
      else await this.#learnHistory(known.version);
      known = { version, values };
      await this.#settings.changedSince(version, until);
    }
  }

  /** What is above a version; of the whole history as far as there is room. */
  async #learnHistory(above: number): Promise<void> {
    for await (const { version, changes } of this.#settings.newestFirst()) {
      if (version <= above || (above === 0 && this.#formerCharacters > formerCharactersMost)) return;
      this.learn(changes);
    }
  }

  /** Arguments of a program that somebody ran; nobody says which of them are secret. */
  learnCommand(command: readonly string[]): void {
    for (const text of secretTexts("secret", command.slice(1))) this.#add(text);
  }

  learn(changes: readonly Change[]): void {
    for (const { key, before, after } of changes) {
      for (const value of [before, after]) {
        if (value === undefined) continue;
        for (const text of this.#textsOf(key, value)) this.#add(text);
      }
    }
  }

  #textsOf(key: string, value: Json): Set<string> {
    return secretTexts(this.#model.secrecy(key), value);
  }

  #add(text: string): void {
    if (this.#former.has(text)) return;
    this.#former.add(text);
    this.#made = undefined;
    this.#formerCharacters += text.length;
    for (const oldest of this.#former) {
      if (this.#formerCharacters <= formerCharactersMost) return;
      this.#former.delete(oldest);
      this.#formerCharacters -= oldest.length;
    }
  }
}
