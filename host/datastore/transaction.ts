/** What the log records: transactions, and the boots that succeeded with the settings of that moment. */
import { z } from "zod";
import { isFailure } from "../../lib/failure.ts";
import { parseJson, type Json } from "../../lib/text/json.ts";
import type { Change } from "./change.ts";
import { writeLine, type Line } from "./log/line.ts";

/** Who changed settings. `part` is the part of the host that did: "user-data", "generators", "trial", … */
export type Author =
  /** `container` is the id of the host's own container that it came from. */
  | { kind: "socket"; uid: number; pid?: number; container?: string }
  | { kind: "remote"; subject: string }
  | { kind: "host"; part: string };

export type Transaction = {
  /** Versions grow; a number is never given twice, and numbers lost to damage stay unused. */
  version: number;
  at: Date;
  by: Author;
  /** The version of the image that was running. */
  image: string;
  /** What the change was for, as its author put it: "set motd". */
  message: string;
  changes: Change[];
  /** Covers this transaction and everything before it. */
  hash: string;
};

export type GoodBootMark = { goodBoot: number; at: Date; image: string };

export type LogEntry =
  | { kind: "transaction"; transaction: Transaction }
  | { kind: "mark"; mark: GoodBootMark; hash: string };

/** No transaction takes fewer bytes in the log, so lost bytes tell how many can have been lost at most. */
export const shortestTransactionBytes = 150;

/** Proven by its only source: what is checked is a part of what `parseJson` gave. */
const json = z.custom<Json>();
export const date = z.iso.datetime().transform((text) => new Date(text));

const author = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("socket"),
    uid: z.int(),
    pid: z.int().exactOptional(),
    container: z.string().exactOptional(),
  }),
  z.object({ kind: z.literal("remote"), subject: z.string() }),
  z.object({ kind: z.literal("host"), part: z.string() }),
]);

const change = z.object({ key: z.string(), before: json.exactOptional(), after: json.exactOptional() });

const transaction = z.object({
  version: z.int().positive(),
  at: date,
  by: author,
  image: z.string(),
  /** The message. Images of other versions read and write the same log, so the name stays. */
  // oxlint-disable-next-line id-denylist -- the name in the log
  says: z.string(),
  changes: z.array(change),
});

const mark = z.object({ goodBoot: z.int().nonnegative(), at: date, image: z.string() });

/** The JSON of a line; undefined when it is none. */
export function readBody(body: string): Json | undefined {
  try {
    return parseJson(body);
  } catch (error) {
    if (isFailure(error, "bad-json")) return undefined;
    throw error;
  }
}

export function transactionLine(previous: string, draft: Omit<Transaction, "hash">): { hash: string; bytes: Buffer } {
  // oxlint-disable-next-line id-denylist -- the name in the log
  const { version, at, by, image, message: says, changes } = draft;
  // oxlint-disable-next-line id-denylist -- the name in the log
  return writeLine(previous, JSON.stringify({ version, at, by, image, says, changes }));
}

export function markLine(previous: string, { goodBoot, at, image }: GoodBootMark): { hash: string; bytes: Buffer } {
  return writeLine(previous, JSON.stringify({ goodBoot, at, image }));
}

/** Undefined for a line that no image of this format writes. */
export function readEntry({ body, hash }: Line): LogEntry | undefined {
  const value = readBody(body);
  const asTransaction = transaction.safeParse(value);
  if (asTransaction.success) {
    const { says: message, ...rest } = asTransaction.data;
    return { kind: "transaction", transaction: { ...rest, message, hash } };
  }
  const asMark = mark.safeParse(value);
  return asMark.success ? { kind: "mark", mark: asMark.data, hash } : undefined;
}
