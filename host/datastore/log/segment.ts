/**
 * A segment: one file of the log. It begins with a base, all settings at one version, and goes on with what happened
 * since.
 *
 * Line 1 says which format, version and place in the chain; line 2 holds the values; every further line is an entry.
 * A segment needs no other file to be read, and names by length and SHA-256 the one it follows, so that the whole
 * store is checked without reading the lines of old segments one by one.
 */
import { z } from "zod";
import { Failure } from "../../../lib/failure.ts";
import { isJsonObject, type JsonObject } from "../../../lib/text/json.ts";
import { findLine, readLine, writeLine, type Line } from "./line.ts";
import { advance, totalSize, type State } from "../state.ts";
import { date, readBody, readEntry, type LogEntry } from "../transaction.ts";

/** The newest format this image reads, and the one it writes. */
export const format = 1;

/** The segment before, of which only the first `bytes` count. */
export type Follows = { segment: number; bytes: number; sha256: string };

export type Head = Pick<State, "version" | "at" | "nextVersion" | "hash"> & {
  segment: number;
  image: string;
  follows?: Follows;
};

export type Segment = {
  /** Undefined when line 1 is damaged. */
  head: Head | undefined;
  /** The state before the first entry; undefined when it could not be known. */
  base: State | undefined;
  /** Whether lines 1 and 2 are as they were written. */
  isBaseIntact: boolean;
  entries: LogEntry[];
  /** The state after the last good entry. */
  end: State | undefined;
  /** Behind the last good line; what follows it is damaged. */
  goodBytes: number;
};

const namePrefix = "segment-";

/** A segment is written under this name and renamed when it is whole. */
export const unfinishedName = "segment.new";

export function segmentName(number: number): string {
  return `${namePrefix}${String(number).padStart(10, "0")}`;
}

export function segmentNumber(name: string): number | undefined {
  return /^segment-\d{10}$/.test(name) ? Number(name.slice(namePrefix.length)) : undefined;
}

/** What line 1 says in every format. */
const anyHead = z.object({ format: z.int() });

const headBody = z.object({
  segment: z.int().positive(),
  version: z.int().nonnegative(),
  at: date,
  nextVersion: z.int().positive(),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  image: z.string(),
  follows: z.object({ segment: z.int(), bytes: z.int().positive(), sha256: z.string() }).exactOptional(),
});

/** Not `z.record`, which would leave out a key that is called `__proto__`. */
const byKey = z.custom<JsonObject>(isJsonObject);

const valuesBody = z.object({
  values: byKey,
  goodBoot: z
    .object({
      version: z.int().nonnegative(),
      at: date,
      /** How its values differ from those above. */
      set: byKey,
      unset: z.array(z.string()),
    })
    .exactOptional(),
});

/** Lines 1 and 2. The values stay in the order in which they were set. */
export function writeBase(head: Head, { values, goodBoot }: State): Buffer {
  const first = writeLine("", JSON.stringify({ format, ...head }));
  const body = {
    values: Object.fromEntries(values),
    ...(goodBoot === undefined
      ? {}
      : {
          goodBoot: {
            version: goodBoot.version,
            at: goodBoot.at,
            set: Object.fromEntries([...goodBoot.values].filter(([key, value]) => values.get(key) !== value)),
            unset: [...values.keys()].filter((key) => !goodBoot.values.has(key)),
          },
        }),
  };
  return Buffer.concat([first.bytes, writeLine(first.hash, JSON.stringify(body)).bytes]);
}

/**
 * Line 1 alone; undefined when it is damaged.
 *
 * @throws {Failure<"newer-format">}
 */
export function readHead(bytes: Buffer, name: string): Head | undefined {
  return headOf(readLine(bytes, 0, ""), name);
}

/**
 * Everything that can be read, up to the first damage.
 *
 * @param before the state at the end of the segment before, which stands in for a damaged base
 * @throws {Failure<"newer-format">}
 */
export function readSegment(bytes: Buffer, name: string, before?: State): Segment {
  const first = readLine(bytes, 0, "");
  const head = headOf(first, name);
  const second = first === undefined ? undefined : readLine(bytes, first.end, first.hash);
  const intact = head === undefined || second === undefined ? undefined : baseOf(head, second);
  const base = intact ?? before;
  const unread: Segment = { head, base, isBaseIntact: intact !== undefined, entries: [], end: base, goodBytes: 0 };
  if (base === undefined) return unread;
  const start = intact === undefined ? findLine(bytes, 0, base.hash) : second?.end;
  if (start === undefined) return unread;
  const { entries, goodBytes } = readEntries(bytes, start, base);
  return { ...unread, entries, end: advance(base, entries), goodBytes };
}

function readEntries(bytes: Buffer, start: number, base: State): { entries: LogEntry[]; goodBytes: number } {
  const entries: LogEntry[] = [];
  let { version, hash } = base;
  let goodBytes = start;
  for (;;) {
    const line = readLine(bytes, goodBytes, hash);
    const entry = line === undefined ? undefined : readEntry(line);
    if (line === undefined || entry === undefined) return { entries, goodBytes };
    if (entry.kind === "transaction") {
      if (entry.transaction.version <= version) return { entries, goodBytes };
      ({ version } = entry.transaction);
    } else if (entry.mark.goodBoot !== version) return { entries, goodBytes };
    entries.push(entry);
    ({ hash } = line);
    goodBytes = line.end;
  }
}

function headOf(line: Line | undefined, name: string): Head | undefined {
  if (line === undefined) return undefined;
  const value = readBody(line.body);
  const written = anyHead.safeParse(value);
  if (written.success && written.data.format > format) {
    throw new Failure(
      "newer-format",
      `cannot open the datastore: ${name} has format ${written.data.format}, this image reads up to ${format}`,
      { hint: "boot the image that wrote it; nothing was changed" },
    );
  }
  return headBody.safeParse(value).data;
}

function baseOf({ version, at, nextVersion, hash }: Head, line: Line): State | undefined {
  const body = valuesBody.safeParse(readBody(line.body));
  if (!body.success) return undefined;
  const values = new Map(Object.entries(body.data.values));
  const state: State = { version, at, nextVersion, hash, values, bytes: totalSize(values) };
  const { goodBoot } = body.data;
  if (goodBoot === undefined) return state;
  const good = new Map([...values, ...Object.entries(goodBoot.set)]);
  for (const key of goodBoot.unset) good.delete(key);
  return { ...state, goodBoot: { version: goodBoot.version, at: goodBoot.at, values: good } };
}
