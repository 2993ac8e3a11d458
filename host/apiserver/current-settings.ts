/** Committed settings with their defaults, as a caller may see them: made once for each version, served many times. */
import { assert, type Failure } from "../../lib/failure.ts";
import { isJsonObject, type Json } from "../../lib/text/json.ts";
import type { Model, Settings, SettingsTree } from "../../settings/model/model.ts";
import { withoutSecrets } from "../../settings/model/secrecy.ts";
import type { Datastore } from "../datastore/datastore.ts";
import type { Caller } from "./callers/caller.ts";
import { PreparedReply } from "./server/reply.ts";
import { seesSecrets } from "./secrets.ts";

type Shown = {
  leaves: ReadonlyMap<string, Json>;
  prepared: PreparedReply;
  /** Parts that were asked for lately, by how they were asked for. */
  parts: Map<string, PreparedReply>;
};

/** Each may have as many bytes as the whole. */
const partsMost = 16;

type Known = {
  version: number;
  settings: Settings;
  tree: SettingsTree;
  whole: Shown;
  /** For those who do not see secrets; made when the first of them asks. */
  masked: Shown | undefined;
};

export class CurrentSettings {
  readonly #model: Model;
  readonly #datastore: Datastore;
  readonly #unusable: Failure | undefined;
  #known: Known | undefined;

  /** @param unusable why the settings of this host are not known; nobody is then shown the defaults in their place */
  constructor(model: Model, datastore: Datastore, unusable?: Failure) {
    this.#model = model;
    this.#datastore = datastore;
    this.#unusable = unusable;
  }

  /** The whole as the caller may see it, serialised. */
  prepared(caller: Caller): PreparedReply {
    return this.#shownTo(caller).prepared;
  }

  /**
   * A part of what the caller may see, serialised.
   *
   * @param name of the part: the same one always means the same leaves
   */
  part(caller: Caller, name: string, leavesOf: (all: ReadonlyMap<string, Json>) => Map<string, Json>): PreparedReply {
    const { leaves, parts } = this.#shownTo(caller);
    const known = parts.get(name);
    if (known !== undefined) return known;
    const part = new PreparedReply(this.#model.tree(leavesOf(leaves)));
    if (parts.size >= partsMost) parts.clear();
    parts.set(name, part);
    return part;
  }

  settings(): Settings {
    return this.#current().settings;
  }

  tree(): SettingsTree {
    return this.#current().tree;
  }

  /** Every leaf with its value as the caller may see it, by full key. */
  leaves(caller: Caller): ReadonlyMap<string, Json> {
    return this.#shownTo(caller).leaves;
  }

  keys(): IteratorObject<string> {
    return this.#current().whole.leaves.keys();
  }

  /** @throws {Failure<"kept-unusable">} */
  #shownTo(caller: Caller): Shown {
    if (this.#unusable !== undefined) throw this.#unusable;
    const known = this.#current();
    if (seesSecrets(caller)) return known.whole;
    if (known.masked !== undefined) return known.masked;
    const leaves = withoutSecrets(this.#model, known.whole.leaves);
    known.masked = { leaves, prepared: new PreparedReply(this.#model.tree(leaves)), parts: new Map() };
    return known.masked;
  }

  #current(): Known {
    const { version } = this.#datastore;
    if (this.#known !== undefined && this.#known.version === version) return this.#known;
    const settings = this.#model.complete(this.#model.tree(this.#datastore.values));
    assert(isJsonObject(settings), "settings are a table");
    const tree: SettingsTree = settings;
    const whole = { leaves: this.#model.leaves(tree), prepared: new PreparedReply(tree), parts: new Map() };
    this.#known = { version, settings, tree, whole, masked: undefined };
    return this.#known;
  }
}
