/** Committed settings with their defaults, as documents: made once for each version, served many times. */
import { assert } from "../../lib/failure.ts";
import { isJsonObject, type Json } from "../../lib/json.ts";
import type { Model, Settings, SettingsTree } from "../../settings/model.ts";
import type { Datastore } from "../datastore/datastore.ts";
import { Prepared } from "./reply.ts";

type Made = {
  version: number;
  settings: Settings;
  tree: SettingsTree;
  leaves: ReadonlyMap<string, Json>;
  prepared: Prepared;
};

export class Document {
  readonly #model: Model;
  readonly #datastore: Datastore;
  #made: Made | undefined;

  constructor(model: Model, datastore: Datastore) {
    this.#model = model;
    this.#datastore = datastore;
  }

  /** The whole, serialised. */
  prepared(): Prepared {
    return this.#current().prepared;
  }

  settings(): Settings {
    return this.#current().settings;
  }

  tree(): SettingsTree {
    return this.#current().tree;
  }

  /** Every leaf with its value, by full key. */
  leaves(): ReadonlyMap<string, Json> {
    return this.#current().leaves;
  }

  #current(): Made {
    const { version } = this.#datastore;
    if (this.#made !== undefined && this.#made.version === version) return this.#made;
    const settings = this.#model.complete(this.#model.tree(this.#datastore.values));
    assert(isJsonObject(settings), "settings are a table");
    const tree: SettingsTree = settings;
    const made = { version, settings, tree, leaves: this.#model.leaves(tree), prepared: new Prepared(tree) };
    this.#made = made;
    return made;
  }
}
