/** What was committed, and the ways back. */
import type { TransactionBody } from "../../api/answers.ts";
import { Refused } from "../../api/refused.ts";
import type { Transaction } from "../datastore/datastore.ts";
import type { ApiContext } from "./context.ts";
import type { Handlers } from "./handlers.ts";
import type { Waiting } from "./waiting.ts";

const historyUsually = 100;

export function historyHandlers(context: ApiContext, waiting: Waiting): Handlers<"getHistory" | "undo" | "restore"> {
  const { datastore, changes } = context;

  const versionMeant = (query: {
    version?: number | undefined;
    time?: Date | undefined;
    lastGoodBoot: boolean;
  }): number => {
    const ways = [query.version !== undefined, query.time !== undefined, query.lastGoodBoot].filter(Boolean);
    if (ways.length !== 1) {
      throw new Refused("bad-query", "cannot restore: give exactly one of version=N, time=T and last-good-boot=1");
    }
    if (query.version !== undefined) return query.version;
    if (query.time !== undefined) return datastore.versionAt(query.time);
    const good = datastore.lastGoodBoot();
    if (good !== undefined) return good.version;
    throw new Refused("no-good-boot", "cannot restore the last good boot: no boot has succeeded yet");
  };

  return {
    getHistory: ({ query }) => datastore.history(query.limit ?? historyUsually).map(transactionBody),

    async undo({ query, caller, signal }) {
      const version = query.version ?? datastore.version;
      const transaction = datastore.history().find((one) => one.version === version);
      if (transaction === undefined) {
        const says = version === 0 ? "nothing was committed yet" : `there is no version ${version} in the history`;
        throw new Refused("no-such-version", `cannot undo: ${says}`);
      }
      const committed = await changes.undo(version, transaction.changes, caller.author);
      return waiting.applied(committed, query.wait, signal());
    },

    async restore({ query, caller, signal }) {
      const version = versionMeant({ ...query, lastGoodBoot: query["last-good-boot"] === true });
      const committed = await changes.restore(version, datastore.valuesAt(version), caller.author);
      return waiting.applied(committed, query.wait, signal());
    },
  };
}

function transactionBody({ at, ...rest }: Transaction): TransactionBody {
  return { ...rest, at: at.toISOString() };
}
