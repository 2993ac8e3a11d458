/** Reading committed settings, and staging changes of them. */
import { Refused } from "../../api/refused.ts";
import { defaultTransaction } from "../../api/query.ts";
import type { Json } from "../../lib/json.ts";
import { isUnder, root } from "../../settings/key.ts";
import type { Problem } from "../../settings/problem.ts";
import { mostProblems } from "../../settings/reading.ts";
import type { Caller } from "./caller.ts";
import type { ApiContext } from "./context.ts";
import { didYouMean } from "./did-you-mean.ts";
import type { Handlers } from "./handlers.ts";

export function settingsHandlers(
  context: ApiContext,
): Handlers<"getSettings" | "patchSettings" | "patchKeypair" | "deleteSettings"> {
  const { model, datastore, document } = context;

  return {
    getSettings({ query: { keys, prefix }, caller }) {
      if (keys !== undefined) return model.tree(namedLeaves(context, keys, caller));
      if (prefix !== undefined) return model.tree(leavesStartingWith(document.leaves(caller), fullKey(prefix)));
      return document.prepared(caller);
    },

    patchSettings({ query, body }) {
      const parsed = model.parse(body);
      if (!parsed.ok) throw refusedSettings(parsed.problems);
      datastore.stage(query.tx ?? defaultTransaction, model.leaves(parsed.value));
    },

    patchKeypair({ query, body }) {
      const changes = new Map<string, Json>();
      const problems: Problem[] = [];
      for (const pair of body.request_payload) {
        if (problems.length >= mostProblems) break;
        const equals = pair.indexOf("=");
        const key = fullKey(equals === -1 ? pair : pair.slice(0, equals));
        if (equals === -1) {
          problems.push({ key: "", message: `${JSON.stringify(pair.slice(0, 200))} must be key=value` });
          continue;
        }
        const typed = model.typed(key, pair.slice(equals + 1));
        if (typed.ok) changes.set(key, typed.value);
        else problems.push(...typed.problems);
      }
      if (problems.length > 0) throw refusedSettings(problems);
      datastore.stage(query.tx ?? defaultTransaction, changes);
    },

    deleteSettings({ query }) {
      const transaction = query.tx ?? defaultTransaction;
      const set = [...datastore.values.keys(), ...(datastore.pending(transaction)?.keys() ?? [])];
      const deleted = query.keys.flatMap((key) => keysToDelete(context, fullKey(key), set));
      datastore.stage(transaction, new Map(deleted.map((key) => [key, undefined])));
    },
  };
}

/** "motd" and "settings.motd" mean the same. */
export function fullKey(key: string): string {
  return isUnder(key, root) ? key : `${root}.${key}`;
}

export function refusedSettings(problems: readonly Problem[]): Refused<"bad-settings"> {
  const count = problems.length === 1 ? "there is a problem" : `there are ${problems.length} problems`;
  return new Refused("bad-settings", `cannot accept the settings: ${count}`, { problems });
}

/** What is set under `key`; the key itself when nothing is, so that deleting twice is no error. */
export function keysToDelete({ model, document }: ApiContext, key: string, set: readonly string[]): string[] {
  if (!model.hasPrefix(key)) {
    const says = `cannot delete ${key.slice(0, 300)}: there is no such setting`;
    throw new Refused("no-such-key", says, didYouMean(key, document.keys()));
  }
  const below = set.filter((one) => isUnder(one, key));
  return below.length === 0 ? [key] : below;
}

/** Bottlerocket: every listed key must be there. */
function namedLeaves({ model, document }: ApiContext, keys: readonly string[], caller: Caller): Map<string, Json> {
  const named = new Map<string, Json>();
  for (const key of keys.map(fullKey)) {
    const before = named.size;
    for (const [leaf, value] of document.leaves(caller)) if (isUnder(leaf, key)) named.set(leaf, value);
    if (named.size > before || isNamedAlready(named, key)) continue;
    if (model.hasPrefix(key)) {
      throw new Refused("no-such-key", `cannot get ${key.slice(0, 300)}: it is not set and has no default`);
    }
    const says = `cannot get ${key.slice(0, 300)}: there is no such setting`;
    throw new Refused("no-such-key", says, didYouMean(key, document.keys()));
  }
  return named;
}

function isNamedAlready(named: ReadonlyMap<string, Json>, key: string): boolean {
  return [...named.keys()].some((leaf) => isUnder(leaf, key));
}

/** Bottlerocket compares text, so that "settings.mo" finds "settings.motd"; nothing found is no error. */
export function leavesStartingWith(leaves: ReadonlyMap<string, Json>, prefix: string): Map<string, Json> {
  return new Map([...leaves].filter(([key]) => key.startsWith(prefix)));
}
