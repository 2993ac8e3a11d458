/** Named transactions: what is staged, committing and applying it. */
import { defaultTransaction } from "../../../api/endpoints/query.ts";
import { Refused } from "../../../api/client/refused.ts";
import { abortable } from "../../../lib/abortable.ts";
import type { Json } from "../../../lib/text/json.ts";
import { withoutSecrets } from "../../../settings/model/secrecy.ts";
import type { ApiContext } from "../context.ts";
import type { Handlers } from "../handler.ts";
import { seesSecrets } from "../secrets.ts";
import type { PassWaiters } from "../answers/pass-waiters.ts";

export function transactionHandlers(
  context: ApiContext,
  waiting: PassWaiters,
): Handlers<"getTransaction" | "dropTransaction" | "listTransactions" | "commit" | "apply" | "commitAndApply"> {
  const { model, datastore, changes, engine, system } = context;

  return {
    getTransaction({ query, caller }) {
      const staged = datastore.pending(query.tx ?? defaultTransaction) ?? new Map<string, Json | undefined>();
      const values = new Map([...staged].map(([key, value]) => [key, value ?? null]));
      return model.tree(seesSecrets(caller) ? values : withoutSecrets(model, values));
    },

    dropTransaction: ({ query }) => datastore.drop(query.tx ?? defaultTransaction),

    listTransactions: () => datastore.pendingNames(),

    async commit({ query, caller }) {
      const transaction = query.tx ?? defaultTransaction;
      const { changed } = await changes.commit(transaction, caller.author, query.message ?? "");
      return changed;
    },

    async apply({ query, signal }) {
      const pass = engine.passAll();
      if (query.wait !== true) {
        void pass.catch((error: unknown) => system.log.error("api: cannot apply settings", error));
        return undefined;
      }
      const result = await waiting.until(async (limit) => abortable(pass, limit), signal());
      if (result === undefined)
        throw new Refused("timed-out", "cannot tell the result yet: settings are still applied");
      return result;
    },

    async commitAndApply({ query, caller, signal }) {
      const transaction = query.tx ?? defaultTransaction;
      const committed = await changes.commit(transaction, caller.author, query.message ?? "", query.try);
      return query.wait === true ? waiting.applied(committed, true, signal()) : committed.changed;
    },
  };
}
