/** Reading committed settings, and staging changes of them. */
import type { PlanRequest, SettingsTreeBody } from "../../../api/answers.ts";
import { Refused } from "../../../api/client/refused.ts";
import { defaultTransaction } from "../../../api/endpoints/query.ts";
import type { Json } from "../../../lib/text/json.ts";
import { fullKey, isUnder, splitKey, splitPair } from "../../../settings/model/key.ts";
import type { Model } from "../../../settings/model/model.ts";
import { mostProblems, type Problem } from "../../../settings/model/problem.ts";
import type { Staged } from "../../datastore/datastore.ts";
import type { ApiContext } from "../context.ts";
import { didYouMean } from "../did-you-mean.ts";
import type { Handlers } from "../handler.ts";

export function settingsHandlers(
  context: ApiContext,
): Handlers<"getSettings" | "patchSettings" | "patchKeypair" | "deleteSettings"> {
  const { model, datastore, currentSettings } = context;

  return {
    getSettings({ query: { keys, prefix }, caller }) {
      if (keys !== undefined) {
        return currentSettings.part(caller, `keys ${keys.join()}`, (leaves) => namedLeaves(model, leaves, keys));
      }
      if (prefix !== undefined) {
        const start = model.canonicalKey(fullKey(prefix));
        return currentSettings.part(caller, `prefix ${start}`, (leaves) => leavesStartingWith(leaves, start));
      }
      return currentSettings.prepared(caller);
    },

    patchSettings({ query, body, caller }) {
      datastore.stage(query.tx ?? defaultTransaction, settingsIn(model, body), caller.owner);
    },

    patchKeypair({ query, body, caller }) {
      datastore.stage(query.tx ?? defaultTransaction, settingsInPairs(model, body.request_payload), caller.owner);
    },

    deleteSettings({ query, caller }) {
      const transaction = query.tx ?? defaultTransaction;
      const set = [...datastore.values.keys(), ...(datastore.pending(transaction)?.keys() ?? [])];
      const deleted = query.keys.flatMap((key) => keysToDelete(context, fullKey(key), set));
      datastore.stage(transaction, new Map(deleted.map((key) => [key, undefined])), caller.owner);
    },
  };
}

/** What a request proposes, on top of what is staged already; it deletes first, so that it may set anew below a key. */
export function withProposed(
  context: ApiContext,
  { set = {}, pairs = [], delete: deleted = [] }: PlanRequest,
  staged: Staged = new Map(),
): Staged {
  const { datastore } = context;
  const present = [...datastore.values.keys(), ...staged.keys()];
  const deletedKeys = deleted.flatMap((key) => keysToDelete(context, fullKey(key), present));
  const deletions = deletedKeys.map((key): [string, undefined] => [key, undefined]);
  return new Map([...staged, ...deletions, ...proposedValues(context, { set, pairs })]);
}

/** What a request would set. @throws {Refused<"bad-settings">} */
export function proposedValues(
  { model }: Pick<ApiContext, "model">,
  { set = {}, pairs = [] }: Pick<PlanRequest, "set" | "pairs">,
): Map<string, Json> {
  return new Map([...settingsIn(model, set), ...settingsInPairs(model, pairs)]);
}

/** A partial tree, by full key. @throws {Refused<"bad-settings">} */
function settingsIn(model: Model, tree: SettingsTreeBody): Map<string, Json> {
  const parsed = model.parse(tree);
  if (parsed.ok) return model.leaves(parsed.value);
  throw refusedSettings(parsed.problems);
}

/** KEY=VALUE, where the setting decides what the text is; by full key. @throws {Refused<"bad-settings">} */
function settingsInPairs(model: Model, pairs: readonly string[]): Map<string, Json> {
  const settings = new Map<string, Json>();
  const problems: Problem[] = [];
  for (const pair of pairs) {
    if (problems.length >= mostProblems) break;
    const split = splitPair(pair);
    if (split === undefined) {
      problems.push({ key: "", message: `${JSON.stringify(pair.slice(0, 200))} must be key=value` });
      continue;
    }
    const key = model.canonicalKey(fullKey(split.key));
    const typed = model.typed(key, split.text);
    if (typed.ok) settings.set(key, typed.value);
    else problems.push(...typed.problems);
  }
  if (problems.length > 0) throw refusedSettings(problems);
  return settings;
}

function refusedSettings(problems: readonly Problem[]): Refused<"bad-settings"> {
  const count = problems.length === 1 ? "there is a problem" : `there are ${problems.length} problems`;
  return new Refused("bad-settings", `cannot accept the settings: ${count}`, { problems });
}

/** What is set under `key`; the key itself when nothing is, so that deleting twice is no error. */
function keysToDelete({ model, currentSettings }: ApiContext, named: string, set: readonly string[]): string[] {
  const key = model.canonicalKey(named);
  if (!model.hasPrefix(key)) {
    const message = `cannot delete ${key.slice(0, 300)}: there is no such setting`;
    throw new Refused("no-such-key", message, didYouMean(key, currentSettings.keys()));
  }
  const below = set.filter((candidate) => isUnder(candidate, key));
  return below.length === 0 ? [key] : below;
}

/** Bottlerocket: what is not set, or no setting, is left out. @throws {Failure<"bad-key">} for what is no key at all */
function namedLeaves(model: Model, leaves: ReadonlyMap<string, Json>, keys: readonly string[]): Map<string, Json> {
  const values = new Map<string, Json>();
  for (const named of keys) {
    const key = model.canonicalKey(fullKey(named));
    const value = leaves.get(key);
    if (value !== undefined) values.set(key, value);
    else for (const [leaf, inner] of leavesUnder(leaves, key)) values.set(leaf, inner);
  }
  return values;
}

/** Of a group. */
function* leavesUnder(leaves: ReadonlyMap<string, Json>, key: string): Generator<[string, Json]> {
  splitKey(key);
  for (const leaf of leaves) if (isUnder(leaf[0], key)) yield leaf;
}

/** Bottlerocket compares text, so that "settings.mo" finds "settings.motd"; nothing found is no error. */
export function leavesStartingWith(leaves: ReadonlyMap<string, Json>, prefix: string): Map<string, Json> {
  return new Map([...leaves].filter(([key]) => key.startsWith(prefix)));
}
