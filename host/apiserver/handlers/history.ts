/** What was committed, and the ways back. */
import type { ExecutedBody, OrderedBody, TransactionBody } from "../../../api/answers.ts";
import { Refused } from "../../../api/client/refused.ts";
import type { Transaction } from "../../datastore/datastore.ts";
import { fullKey } from "../../../settings/model/key.ts";
import type { ApiContext } from "../context.ts";
import type { Handlers } from "../handler.ts";
import { seesSecrets, visibleChanges, visibleCommand } from "../secrets.ts";
import { JsonList } from "../server/reply.ts";
import type { PassWaiters } from "../answers/pass-waiters.ts";

const historyUsually = 100;

export function historyHandlers(
  context: ApiContext,
  waiting: PassWaiters,
): Handlers<"getHistory" | "undo" | "restore" | "forget"> {
  const { datastore, audit, changes, model, system } = context;

  /** What somebody wants to take back is what somebody did, not what the host found out by itself meanwhile. */
  const newestOfPeople = async (): Promise<Transaction> => {
    const newest = await datastore.newestTransaction(({ by }) => by.kind !== "host");
    if (newest !== undefined) return newest;
    throw new Refused("no-such-version", "cannot undo: nobody has changed settings yet", {
      hint: "name a version of GET /history to undo what the host did",
    });
  };

  const versionMeant = async (query: {
    version?: number | undefined;
    time?: Date | undefined;
    lastGoodBoot: boolean;
  }): Promise<number> => {
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
    getHistory({ query: { limit = historyUsually }, caller }) {
      const mask = seesSecrets(caller) ? (text: string) => text : system.mask;
      const transactions = eachOf(datastore.newestFirst(), (transaction): TransactionBody => {
        const { at, message, changes: made, ...rest } = transaction;
        return {
          ...rest,
          at: at.toISOString(),
          // oxlint-disable-next-line id-denylist -- the name in the API
          says: mask(message),
          changes: visibleChanges(model, made, caller),
        };
      });
      const entries = eachOf(audit.newestFirst(), (entry): ExecutedBody | OrderedBody => {
        const at = entry.at.toISOString();
        if ("order" in entry) return { ...entry, at };
        const command = visibleCommand(entry.exec.command, caller);
        return { ...entry, at, exec: { ...entry.exec, command } };
      });
      return new JsonList(merged(transactions, entries, limit));
    },

    async forget({ query, caller }) {
      const key = model.canonicalKey(fullKey(query.key));
      if (!model.hasPrefix(key)) {
        throw new Refused("no-such-key", `cannot forget ${key.slice(0, 300)}: there is no such setting`);
      }
      return { key, ...(await changes.forget(key, caller.author)) };
    },

    async undo({ query, caller, signal }) {
      const { version, changes: made } =
        query.version === undefined ? await newestOfPeople() : await datastore.transaction(query.version);
      const committed = await changes.undo(version, made, caller.author);
      return waiting.applied(committed, query.wait, signal());
    },

    async restore({ query, caller, signal }) {
      const version = await versionMeant({ ...query, lastGoodBoot: query["last-good-boot"] === true });
      const committed = await changes.restore(version, await datastore.valuesAt(version), caller.author);
      return waiting.applied(committed, query.wait, signal());
    },
  };
}

async function* eachOf<Entry, Body>(
  entries: AsyncIterable<Entry>,
  bodyOf: (entry: Entry) => Body,
): AsyncGenerator<Body> {
  for await (const entry of entries) yield bodyOf(entry);
}

/** Each log keeps its own order, whatever the clock of the host did meanwhile. No more is read than is asked for. */
async function* merged<One extends { at: string }, Other extends { at: string }>(
  transactions: AsyncIterable<One>,
  entries: AsyncIterable<Other>,
  limit: number,
): AsyncGenerator<One | Other, undefined> {
  const [left, right] = [transactions[Symbol.asyncIterator](), entries[Symbol.asyncIterator]()];
  let transaction = await left.next();
  let entry = await right.next();
  for (let count = 0; count < limit; count++) {
    if (entry.done !== true && (transaction.done === true || entry.value.at >= transaction.value.at)) {
      yield entry.value;
      entry = await right.next();
    } else if (transaction.done !== true) {
      yield transaction.value;
      transaction = await left.next();
    } else return;
  }
}
