/** Amounts that are written as numbers or as texts. */
import { z } from "zod";
import { typeOf, type Type } from "../model/type.ts";

/** As getrlimit(2) has it; -1 says unlimited too. */
export const limit: Type<number | "unlimited"> = typeOf(
  `a whole number from 0 to ${Number.MAX_SAFE_INTEGER}, or unlimited`,
  (refusal) =>
    z.union(
      [
        z.int(refusal).min(0, refusal),
        z.literal(-1, refusal).transform((): "unlimited" => "unlimited"),
        z.literal("unlimited", refusal),
      ],
      refusal,
    ),
);

const units = { b: 1, kb: 1e3, mb: 1e6, gb: 1e9, kib: 2 ** 10, mib: 2 ** 20, gib: 2 ** 30 };

/** Bytes; a number comes out. */
export const byteSize: Type<number> = typeOf("a number of bytes, or a size such as 8mib or 1kb", (refusal) =>
  z.union(
    [
      z.int(refusal).min(1, refusal),
      z
        .string(refusal)
        .regex(/^[1-9]\d{0,5}(?: ?(?:[KMGkmg][Ii]?)?[Bb])?$/, refusal)
        .transform((text) => {
          const [, digits = "", unit = ""] = /^(\d+) ?(.*)$/.exec(text.toLowerCase()) ?? [];
          return Number(digits) * (Object.entries(units).find(([name]) => name === unit)?.[1] ?? 1);
        }),
    ],
    refusal,
  ),
);

/** Also as text, which is how Bottlerocket took it first; a number comes out. */
export const percent: Type<number> = typeOf("a whole number from 0 to 100", (refusal) =>
  z.union(
    [
      z.int(refusal).min(0, refusal).max(100, refusal),
      z
        .string(refusal)
        .regex(/^(?:\d{1,2}|100)$/, refusal)
        .transform(Number),
    ],
    refusal,
  ),
);

/** Pages of one size: a number for the machine, or for its NUMA nodes; a text comes out. */
export const pageCount: Type<string> = typeOf(
  "a number of pages, or one for each NUMA node such as 0:512,1:256",
  (refusal) =>
    z.union(
      [
        z.int(refusal).min(0, refusal).transform(String),
        z.string(refusal).regex(/^(?:\d{1,9}|\d{1,4}:\d{1,9}(?:,\d{1,4}:\d{1,9})*)$/, refusal),
      ],
      refusal,
    ),
);
